/** Versions of a state machine, and the aliases that lead to them. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { listAll } from "../../api/queries";
import type { Machine } from "../../api/types";
import { Link, path } from "../../router";
import { Button, Dialog, Empty, ErrorNotice, Loading } from "../../ui/parts";
import { Moment } from "../../ui/time";
import { toast } from "../../ui/toasts";
import { AliasDialog, type Alias } from "./alias-dialog";

export interface Version {
  stateMachineVersionArn: string;
  creationDate: number;
}

/** The number or the name at the end of a version's or an alias's ARN. */
export const lastOf = (arn: string): string => arn.split(":").at(-1) ?? arn;

type Open = { kind: "publish" } | { kind: "alias"; alias?: Alias; version?: string } | { kind: "delete-version"; arn: string } | { kind: "delete-alias"; arn: string };

export function VersionsTab({ machine }: { machine: Machine }) {
  const { stateMachineArn } = machine;
  const client = useQueryClient();
  const [open, setOpen] = useState<Open>();
  const versions = useQuery({
    queryKey: ["machine", stateMachineArn, "versions"],
    queryFn: ({ signal }) => listAll<Version>("ListStateMachineVersions", { stateMachineArn, maxResults: 1000 }, "stateMachineVersions", 10_000, signal),
  });
  const aliases = useQuery({
    queryKey: ["machine", stateMachineArn, "aliases"],
    queryFn: async ({ signal }) => {
      const list = await listAll<{ stateMachineAliasArn: string }>("ListStateMachineAliases", { stateMachineArn, maxResults: 1000 }, "stateMachineAliases", 1_000, signal);
      // The list tells nothing of where they lead.
      return Promise.all(list.map((each) => call<Alias>("DescribeStateMachineAlias", { stateMachineAliasArn: each.stateMachineAliasArn }, signal)));
    },
  });
  const close = () => setOpen(undefined);
  const changed = (said: string) => {
    toast(said);
    close();
    void client.invalidateQueries({ queryKey: ["machine", stateMachineArn] });
  };
  const isActive = machine.status === "ACTIVE";
  const aliasesOf = (arn: string) => aliases.data?.filter((alias) => alias.routingConfiguration.some((route) => route.stateMachineVersionArn === arn)) ?? [];

  return (
    <>
      <section className="card" aria-labelledby="aliases-title">
        <header className="spread">
          <h2 id="aliases-title">Aliases</h2>
          <Button small icon="plus" disabled={!isActive || !versions.data?.length} title={versions.data?.length ? undefined : "An alias leads to a version: publish one first"} onClick={() => setOpen({ kind: "alias" })}>Create alias</Button>
        </header>
        {aliases.isPending ? <Loading what="Loading aliases" /> : aliases.error ? <div className="body"><ErrorNotice error={aliases.error} retry={() => void aliases.refetch()} what="The aliases cannot be listed" /></div> : aliases.data.length === 0 ? (
          <Empty title="No aliases">An alias is a name that leads to one version, or to two by weight.</Empty>
        ) : (
          <div className="table-scroll">
            <table className="table roomy">
              <thead><tr><th scope="col">Alias</th><th scope="col">Leads to</th><th scope="col" className="from-medium">Description</th><th scope="col" className="from-medium">Changed</th><th scope="col"><span className="visually-hidden">What to do</span></th></tr></thead>
              <tbody>
                {aliases.data.map((alias) => (
                  <tr key={alias.stateMachineAliasArn}>
                    <td><Link className="name name-link" to={path("machines", alias.stateMachineAliasArn)} title="Its executions">{alias.name}</Link></td>
                    <td><Routes alias={alias} /></td>
                    <td className="name from-medium">{alias.description || <span className="muted">–</span>}</td>
                    <td className="nowrap from-medium"><Moment seconds={alias.updateDate ?? alias.creationDate} /></td>
                    <td className="number nowrap">
                      <Button small kind="quiet" icon="edit" aria-label={`Change the alias ${alias.name}`} disabled={!isActive} onClick={() => setOpen({ kind: "alias", alias })}>Change</Button>
                      <Button small kind="quiet" icon="trash" aria-label={`Delete the alias ${alias.name}`} onClick={() => setOpen({ kind: "delete-alias", arn: alias.stateMachineAliasArn })}>Delete</Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>

      <section className="card" aria-labelledby="versions-title">
        <header className="spread">
          <h2 id="versions-title">Versions</h2>
          <Button small icon="plus" disabled={!isActive} onClick={() => setOpen({ kind: "publish" })}>Publish version</Button>
        </header>
        {versions.isPending ? <Loading what="Loading versions" /> : versions.error ? <div className="body"><ErrorNotice error={versions.error} retry={() => void versions.refetch()} what="The versions cannot be listed" /></div> : versions.data.length === 0 ? (
          <Empty title="No versions">A version is a revision that has a number and never changes.</Empty>
        ) : (
          <div className="table-scroll">
            <table className="table roomy">
              <thead><tr><th scope="col">Version</th><th scope="col">Aliases</th><th scope="col" className="from-medium">Description</th><th scope="col" className="from-medium">Published</th><th scope="col"><span className="visually-hidden">What to do</span></th></tr></thead>
              <tbody>
                {versions.data.map((version) => (
                  <tr key={version.stateMachineVersionArn}>
                    <td className="nowrap"><Link className="name-link" to={path("machines", version.stateMachineVersionArn)} title="Its executions">Version {lastOf(version.stateMachineVersionArn)}</Link></td>
                    <td className="name">{aliasesOf(version.stateMachineVersionArn).map((alias) => alias.name).join(", ") || <span className="muted">–</span>}</td>
                    <td className="name from-medium"><Description arn={version.stateMachineVersionArn} /></td>
                    <td className="nowrap from-medium"><Moment seconds={version.creationDate} /></td>
                    <td className="number nowrap">
                      <Button small kind="quiet" icon="trash" aria-label={`Delete version ${lastOf(version.stateMachineVersionArn)}`} onClick={() => setOpen({ kind: "delete-version", arn: version.stateMachineVersionArn })}>Delete</Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>

      {open?.kind === "publish" && <PublishDialog machine={machine} onClose={close} onDone={changed} />}
      {open?.kind === "alias" && <AliasDialog alias={open.alias} versions={versions.data ?? []} onClose={close} onDone={changed} />}
      {open?.kind === "delete-version" && (
        <DeleteDialog
          title={`Delete version ${lastOf(open.arn)}`} operation="DeleteStateMachineVersion" request={{ stateMachineVersionArn: open.arn }} onClose={close}
          onDone={() => changed("Version deleted")}
        >
          {aliasesOf(open.arn).length > 0 ? <>It cannot go as long as an alias leads to it: <bdi>{aliasesOf(open.arn).map((alias) => alias.name).join(", ")}</bdi>.</> : "Executions that run with it go on. Its number is not used again."}
        </DeleteDialog>
      )}
      {open?.kind === "delete-alias" && (
        <DeleteDialog title={`Delete alias ${lastOf(open.arn)}`} operation="DeleteStateMachineAlias" request={{ stateMachineAliasArn: open.arn }} onClose={close} onDone={() => changed("Alias deleted")}>
          Whoever starts executions by it is refused from then on.
        </DeleteDialog>
      )}
    </>
  );
}

function Routes({ alias }: { alias: Alias }) {
  const routes = alias.routingConfiguration;
  return (
    <div style={{ minWidth: 110 }}>
      <span className="nowrap">{routes.map((route) => (routes.length === 1 ? `Version ${lastOf(route.stateMachineVersionArn)}` : `${lastOf(route.stateMachineVersionArn)}: ${route.weight} %`)).join(", ")}</span>
      {routes.length > 1 && <div className="weight-bar" aria-hidden="true"><div style={{ width: `${routes[0].weight}%` }} /></div>}
    </div>
  );
}

/** The description of a version is told only with all else of it. */
function Description({ arn }: { arn: string }) {
  const version = useQuery({
    queryKey: ["version", arn],
    staleTime: Infinity,
    queryFn: ({ signal }) => call<Machine>("DescribeStateMachine", { stateMachineArn: arn, includedData: "ALL_DATA" }, signal),
  });
  return version.data?.description ? <>{version.data.description}</> : <span className="muted">–</span>;
}

function PublishDialog({ machine, onClose, onDone }: { machine: Machine; onClose: () => void; onDone: (said: string) => void }) {
  const [description, setDescription] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const publish = async () => {
    setBusy(true);
    try {
      // Not another revision than the one that is looked at.
      const request = { stateMachineArn: machine.stateMachineArn, revisionId: machine.revisionId ?? "INITIAL", ...(description ? { description } : {}) };
      const { stateMachineVersionArn } = await call<{ stateMachineVersionArn: string }>("PublishStateMachineVersion", request);
      onDone(`Version ${lastOf(stateMachineVersionArn)} is published`);
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Publish version" onClose={onClose} onSubmit={() => void publish()} footer={<><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" disabled={busy}>Publish</Button></>}>
      <p>The revision that the state machine has now gets a number. If it has one already, it keeps that.</p>
      <div className="field">
        <label htmlFor="version-description">Description (optional)</label>
        <input id="version-description" className="input" maxLength={256} autoFocus value={description} onChange={(event) => setDescription(event.target.value)} />
      </div>
      {error !== undefined && <ErrorNotice error={error} what="No version was published" />}
    </Dialog>
  );
}

function DeleteDialog({ title, operation, request, children, onClose, onDone }: { title: string; operation: string; request: object; children: React.ReactNode; onClose: () => void; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const remove = async () => {
    setBusy(true);
    try {
      await call(operation, request);
      onDone();
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} onSubmit={() => void remove()} footer={<><Button onClick={onClose}>Keep it</Button><Button kind="danger" type="submit" disabled={busy}>Delete</Button></>}>
      <p>{children}</p>
      {error !== undefined && <ErrorNotice error={error} what="It was not deleted" />}
    </Dialog>
  );
}
