/** A state machine: what it is, what it did, and all that can be changed of it. */

import { useState, type ReactNode } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { machineArnOf, parseArn } from "../api/arn";
import { call } from "../api/client";
import { useMachine } from "../api/queries";
import type { Machine } from "../api/types";
import { Link, path, useQuery, useRouter, useSetQuery } from "../router";
import { Boundary } from "../ui/boundary";
import { useIsHere } from "../ui/here";
import { useKeys } from "../ui/keys";
import { Button, CopyButton, Dialog, ErrorNotice, Loading, Notice, TabPanel, Tabs } from "../ui/parts";
import { part } from "../ui/part";
import { Badge } from "../ui/status";
import { Moment } from "../ui/time";
import { toast } from "../ui/toasts";
import { ExecutionsTab } from "./machine/executions";
import { NoMachine } from "./machine/no-machine";
import { QualifiedHead, ShownVersion, useQualified } from "./machine/qualified";
import { SettingsTab } from "./machine/settings";
import { StartDialog } from "./machine/start-dialog";
import { TagsTab } from "./machine/tags";
import { VersionsTab } from "./machine/versions";
import "./machine/machine.css";

// Both bring CodeMirror.
const DefinitionTab = part(async () => (await import("./machine/definition")).DefinitionTab);
const RevisionsTab = part(async () => (await import("./machine/revisions")).RevisionsTab);

const TABS = [
  { id: "executions", label: "Executions" },
  { id: "definition", label: "Definition" },
  { id: "versions", label: "Versions and aliases" },
  { id: "revisions", label: "Revisions" },
  { id: "tags", label: "Tags" },
  { id: "settings", label: "Settings" },
];

/** The others are of the machine as it is now. */
const OF_A_VERSION = ["executions", "definition"];

export function MachinePage({ stateMachineArn: named }: { stateMachineArn: string }) {
  // A version or an alias has the page of its machine, with what is its own: executions and definition.
  const stateMachineArn = machineArnOf(named);
  const isQualified = Boolean(parseArn(named)?.name);
  const machine = useMachine(stateMachineArn);
  const qualified = useQualified(named);
  const setQuery = useSetQuery();
  const [tabName] = useQuery("tab");
  const [start] = useQuery("start");
  const [copy] = useQuery("copy");
  const [deleting, setDeleting] = useState(false);
  const { navigate } = useRouter();
  const isActive = machine.data?.status === "ACTIVE";
  useKeys([
    { key: "s", does: "Start an execution", run: () => isActive && setQuery({ start: "1" }) },
    { key: "e", does: "Edit the definition", run: () => isActive && navigate(path("machines", stateMachineArn, "edit")) },
  ]);

  const asked = isQualified && machine.data ? qualified : machine;
  if (asked.isPending) return <Loading what="Loading the state machine" />;
  if (!machine.data || !asked.data) return <NoMachine named={named} error={asked.error} retry={() => void asked.refetch()} what="The state machine cannot be shown" />;

  const tabs = isQualified ? TABS.filter(({ id }) => OF_A_VERSION.includes(id)) : TABS;
  const tab = tabs.some((each) => each.id === tabName) ? tabName : "executions";
  const startButton = <Button kind="primary" icon="play" onClick={() => setQuery({ start: "1", copy: "" })} disabled={!isActive}>Start execution</Button>;
  return (
    <>
      {qualified.data ? <QualifiedHead qualified={qualified.data} start={startButton} /> : <MachineHead machine={machine.data} start={startButton} onDelete={() => setDeleting(true)} />}
      {machine.data.status === "DELETING" && (
        <Notice tone="caught" icon="trash" title="This state machine is being deleted">
          It starts no more executions, and those that run are aborted. Then it is gone.
        </Notice>
      )}
      <Tabs label="State machine" tabs={tabs} selected={tab} panelId="machine-tab" onSelect={(id) => navigate(`${path("machines", named)}${id === "executions" ? "" : `?tab=${id}`}`, { replace: true })} />
      <TabPanel panelId="machine-tab" selected={tab}>
        <Boundary at={tab}>
          {tab === "executions" && <ExecutionsTab machine={machine.data} qualifier={parseArn(named)?.name} />}
          {tab === "definition" && qualified.data && <ShownVersion qualified={qualified.data} />}
          {tab === "definition" && <DefinitionTab machine={qualified.data?.version ?? machine.data} />}
          {tab === "versions" && <VersionsTab machine={machine.data} />}
          {tab === "revisions" && <RevisionsTab machine={machine.data} />}
          {tab === "tags" && <TagsTab resourceArn={stateMachineArn} />}
          {tab === "settings" && <SettingsTab machine={machine.data} />}
        </Boundary>
      </TabPanel>
      {start !== "" && <StartDialog machine={machine.data} via={named === stateMachineArn ? "" : named} copyOf={copy} onCopy={(executionArn) => setQuery({ copy: executionArn })} onClose={() => setQuery({ start: "", copy: "" })} />}
      {deleting && <DeleteDialog machine={machine.data} onClose={() => setDeleting(false)} />}
    </>
  );
}

function MachineHead({ machine, start, onDelete }: { machine: Machine; start: ReactNode; onDelete: () => void }) {
  const isActive = machine.status === "ACTIVE";
  return (
    <div className="page-head">
      <div className="grow" style={{ flexBasis: 320 }}>
        <nav className="crumbs" aria-label="Breadcrumb"><Link to="machines">State machines</Link></nav>
        <h1 className="name">{machine.name}</h1>
        <div className="machine-facts">
          <span>{machine.type === "EXPRESS" ? "Express" : "Standard"}</span>
          <Badge tone={isActive ? { tone: "succeeded", icon: "succeeded", text: "Active" } : { tone: "caught", icon: "trash", text: "Deleting" }} />
          <span>Created <Moment seconds={machine.creationDate} /></span>
          <span>Revision <span className="mono" title={machine.revisionId}>{machine.revisionId ? machine.revisionId.slice(0, 8) : "INITIAL"}</span></span>
          <span className="grow" style={{ flex: "0 1 auto" }}>Role <bdi className="mono">{machine.roleArn}</bdi></span>
        </div>
      </div>
      <div className="actions">
        <CopyButton text={machine.stateMachineArn} label="Copy ARN" small={false} />
        <Button kind="quiet" icon="trash" onClick={onDelete} disabled={!isActive}>Delete</Button>
        {isActive
          ? <Link className="button" to={path("machines", machine.stateMachineArn, "edit")}>Edit</Link>
          : <Button disabled>Edit</Button>}
        {start}
      </div>
    </div>
  );
}

function DeleteDialog({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const client = useQueryClient();
  const { navigate } = useRouter();
  const isHere = useIsHere();
  const remove = async () => {
    if (typed !== machine.name || busy) return;
    setBusy(true);
    try {
      await call("DeleteStateMachine", { stateMachineArn: machine.stateMachineArn });
      toast(`${machine.name} is being deleted`);
      void client.invalidateQueries({ queryKey: ["machines"] });
      void client.invalidateQueries({ queryKey: ["machine", machine.stateMachineArn] });
      if (isHere()) navigate("machines");
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Delete state machine" onClose={onClose} onSubmit={() => void remove()} footer={<><Button onClick={onClose}>Keep it</Button><Button kind="danger" type="submit" disabled={typed !== machine.name || busy}>Delete</Button></>}>
      <p>Executions that run are aborted, and then it is gone with its executions, versions and aliases. This cannot be undone.</p>
      <div className="field">
        <label htmlFor="delete-name">Type its name to confirm: <bdi className="mono">{machine.name}</bdi></label>
        <input id="delete-name" className="input" autoFocus autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />
      </div>
      {error !== undefined && <ErrorNotice error={error} what="It was not deleted" />}
    </Dialog>
  );
}
