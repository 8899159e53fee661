/** What a state machine was before: its revisions, and what differs between two of them. Loaded lazily. */

import { useQuery as useAsked } from "@tanstack/react-query";
import { useMemo } from "react";
import { call } from "../../api/client";
import { listAll } from "../../api/queries";
import type { Machine, Revision } from "../../api/types";
import { Diff } from "../../editor/diff";
import { GraphPane } from "../../editor/graph-pane";
import { comparable } from "../../editor/json-format";
import { StateChanges } from "../../editor/state-changes";
import { diffStates } from "../../editor/state-diff";
import { useQuery, useSetQuery } from "../../router";
import { Button, Empty, ErrorNotice, Loading } from "../../ui/parts";
import { Badge } from "../../ui/status";
import { Moment } from "../../ui/time";
import "../../editor/editor.css";

function useRevision(machine: Machine, number: number | undefined) {
  return useAsked({
    queryKey: ["revision", machine.stateMachineArn, number],
    enabled: number !== undefined,
    staleTime: Infinity,
    queryFn: ({ signal }) => call<Revision>("Stepwell.DescribeStateMachineRevision", { stateMachineArn: machine.stateMachineArn, number }, signal),
  });
}

export function RevisionsTab({ machine }: { machine: Machine }) {
  const { stateMachineArn } = machine;
  const [before, setBefore] = useQuery("before");
  const [after, setAfter] = useQuery("after");
  const setAll = useSetQuery();
  const revisions = useAsked({
    queryKey: ["machine", stateMachineArn, "revisions"],
    queryFn: ({ signal }) => listAll<Revision>("Stepwell.ListStateMachineRevisions", { stateMachineArn, maxResults: 1000 }, "revisions", 10_000, signal),
  });
  if (revisions.isPending) return <Loading what="Loading revisions" />;
  if (revisions.error) return <ErrorNotice error={revisions.error} retry={() => void revisions.refetch()} what="The revisions cannot be listed" />;
  const list = revisions.data;
  const [newest, second] = list;
  const from = Number(before) || second?.number;
  const to = Number(after) || newest?.number;
  // The server counts revisions over all machines; people count those of this one.
  const ordinal = new Map(list.map((revision, index) => [revision.number, list.length - index]));
  const nameOf = (revision: Revision) => `Revision ${ordinal.get(revision.number)}${revision.isCurrent ? " (current)" : ""}`;
  const options = list.map((revision) => <option key={revision.number} value={revision.number}>{nameOf(revision)}</option>);
  return (
    <>
      <section className="card" aria-labelledby="revisions-title">
        <header><h2 id="revisions-title">Revisions</h2></header>
        <div className="table-scroll" style={{ maxHeight: 320, overflow: "auto" }} tabIndex={0} role="region" aria-label="List of revisions">
          <table className="table roomy">
            <thead><tr><th scope="col">Revision</th><th scope="col" className="from-medium">Id</th><th scope="col" className="from-medium">Made</th><th scope="col">Versions</th><th scope="col"><span className="visually-hidden">What to do</span></th></tr></thead>
            <tbody>
              {list.map((revision, index) => (
                <tr key={revision.number} className={revision.number === from || revision.number === to ? "selected" : ""}>
                  <td className="nowrap"><span className="row">Revision {ordinal.get(revision.number)} {revision.isCurrent && <Badge tone={{ tone: "succeeded", icon: "succeeded", text: "Current" }} />}</span></td>
                  <td className="mono from-medium">{revision.revisionId}</td>
                  <td className="nowrap from-medium"><Moment seconds={revision.creationDate} /></td>
                  <td>{revision.versions?.length ? revision.versions.join(", ") : <span className="muted">–</span>}</td>
                  <td className="number nowrap">{index < list.length - 1 && <Button small kind="quiet" aria-label={`What changed in revision ${ordinal.get(revision.number)}`} onClick={() => setAll({ before: String(list[index + 1].number), after: String(revision.number) })}>What changed</Button>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      {list.length < 2 ? <div className="card"><Empty title="Nothing to compare">It has had one definition only.</Empty></div> : (
        <>
          <div className="filters">
            <label className="time-filter">Compare <select className="input" value={from} onChange={(event) => setBefore(event.target.value)}>{options}</select></label>
            <label className="time-filter">with <select className="input" value={to} onChange={(event) => setAfter(event.target.value)}>{options}</select></label>
          </div>
          <Comparison machine={machine} from={from} to={to} fromName={`Revision ${ordinal.get(from) ?? from}`} toName={`Revision ${ordinal.get(to) ?? to}`} />
        </>
      )}
    </>
  );
}

function Comparison({ machine, from, to, fromName, toName }: { machine: Machine; from: number; to: number; fromName: string; toName: string }) {
  const before = useRevision(machine, from);
  const after = useRevision(machine, to);
  const [view, setView] = useQuery("view");
  const [selected, setSelected] = useQuery("state");
  const setAll = useSetQuery();
  const old = before.data?.definition;
  const now = after.data?.definition;
  const changes = useMemo(() => (old !== undefined && now !== undefined ? diffStates(old, now) : undefined), [old, now]);
  const texts = useMemo(() => comparable(old ?? "", now ?? ""), [old, now]);
  const error = before.error ?? after.error;
  if (error) return <ErrorNotice error={error} retry={() => { void before.refetch(); void after.refetch(); }} what="The revisions cannot be compared" />;
  if (old === undefined || now === undefined || !changes) return <Loading what="Loading both" />;
  const isGraph = view === "graph";
  // Without a choice, what differs first: in a long graph nobody would see it.
  const [firstChange = ""] = changes.keys();
  const shown = selected || firstChange;
  const removed = new Map([...changes].filter(([, change]) => change !== "added"));
  const added = new Map([...changes].filter(([, change]) => change !== "removed"));
  const hasRemoved = [...changes.values()].includes("removed");
  return (
    <>
      <div className="row wrap between">
        <StateChanges changes={changes} selected={isGraph ? shown : undefined} onSelect={(name) => setAll({ view: "graph", state: name })} />
        <div className="row" role="group" aria-label="Show the difference as">
          <Button small aria-pressed={!isGraph} className={isGraph ? "" : "pressed"} onClick={() => setView("")}>Text</Button>
          <Button small aria-pressed={isGraph} className={isGraph ? "pressed" : ""} onClick={() => setView("graph")}>Graph</Button>
        </div>
      </div>
      {before.data?.roleArn !== after.data?.roleArn && <p>Role: <bdi className="mono name">{before.data?.roleArn}</bdi> became <bdi className="mono name">{after.data?.roleArn}</bdi></p>}
      {isGraph ? (
        <div className="pair tall">
          {hasRemoved && <figure className="card"><figcaption>{fromName}</figcaption><div className="graph-place"><GraphPane label={`Graph of ${fromName}`} text={old} selected={shown} onSelect={setSelected} diff={removed} /></div></figure>}
          <figure className="card" style={hasRemoved ? undefined : { gridColumn: "1 / -1" }}><figcaption>{toName}</figcaption><div className="graph-place"><GraphPane label={`Graph of ${toName}`} text={now} selected={shown} onSelect={setSelected} diff={added} /></div></figure>
        </div>
      ) : old === now ? <div className="card"><Empty title="The definitions are the same" /></div> : (
        <div className="card diff-card"><Diff before={texts[0]} after={texts[1]} beforeLabel={fromName} afterLabel={toName} /></div>
      )}
    </>
  );
}
