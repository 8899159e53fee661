/** The head of the page: which execution, how it does, what it belongs to. */

import { useMemo } from "react";
import { machineArnOf, parseArn, shortName } from "../../api/arn";
import { useEventData, type ExecutionParent } from "../../api/history";
import type { Execution, ExecutionStatus } from "../../api/types";
import type { RunView } from "../../model/run";
import { Link, path } from "../../router";
import { ExecutionBadge } from "../../ui/status";
import { Elapsed, formatZone, Moment } from "../../ui/time";
import { Actions } from "./actions";
import { Fact } from "./fact";
import { childOfEvent, isStart } from "./tasks";

interface Props {
  execution: Execution;
  status: ExecutionStatus;
  run: RunView;
  version: number;
  parent: ExecutionParent | undefined;
  isLive: boolean;
  /** Nothing of the history is here yet. */
  isReading: boolean;
}

export function Head({ execution, status, run, version, parent, isLive, isReading }: Props) {
  const machineArn = machineArnOf(execution.stateMachineArn);
  const machine = parseArn(machineArn)?.machine ?? machineArn;
  return (
    <div className="execution-head">
      <div className="page-head">
        <div className="grow">
          <nav className="crumbs" aria-label="Where this is">
            <Link to="machines">State machines</Link>
            <span aria-hidden="true">/</span>
            <Link to={path("machines", machineArn)} className="name">{machine}</Link>
          </nav>
          <div className="row wrap">
            <h1 className="name">{execution.name}</h1>
            <ExecutionBadge status={status} />
          </div>
        </div>
        <Actions execution={execution} status={status} />
      </div>
      <dl className="facts">
        <Fact name="Started"><Moment seconds={execution.startDate} /> <span className="small muted">{formatZone(execution.startDate)}</span></Fact>
        <Fact name="Ended">{execution.stopDate === undefined ? <span className="muted">not yet</span> : <Moment seconds={execution.stopDate} />}</Fact>
        <Fact name="Duration"><Elapsed from={execution.startDate} to={status === "RUNNING" ? undefined : execution.stopDate} /></Fact>
        <Fact name="Events">
          {!isReading ? run.events.length.toLocaleString() : status !== "RUNNING" && "…"} {status === "RUNNING" && <span className="small muted">{isLive ? "live" : "connecting…"}</span>}
        </Fact>
        <Way execution={execution} />
        {(execution.redriveCount ?? 0) > 0 && <Fact name="Redriven">{execution.redriveCount} {execution.redriveCount === 1 ? "time" : "times"}</Fact>}
        {execution.billingDetails && <Fact name="Billed">{execution.billingDetails.billedDurationInMilliseconds} ms</Fact>}
        {parent?.parentExecutionArn && (
          <Fact name="Started by">
            <Link className="name" to={`${path("executions", parent.parentExecutionArn)}${parent.parentStateName ? `?state=${encodeURIComponent(parent.parentStateName)}` : ""}`}>{shortName(parent.parentExecutionArn)}</Link>
          </Fact>
        )}
        <Children executionArn={execution.executionArn} run={run} version={version} />
      </dl>
    </div>
  );
}

/** The version or the alias that it was started by. */
function Way({ execution }: { execution: Execution }) {
  const { stateMachineAliasArn: alias, stateMachineVersionArn: version } = execution;
  if (!alias && !version) return null;
  return (
    <Fact name={alias ? "Alias" : "Version"}>
      <span className="name">{alias ? parseArn(alias)?.name : null}{alias && version ? ", version " : null}{version ? parseArn(version)?.name : null}</span>
    </Fact>
  );
}

/** So many links to children have their place in the head. */
const CHILDREN_MAX = 5;

function Children({ executionArn, run, version }: { executionArn: string; run: RunView; version: number }) {
  // What a start answered is in the first event behind it that has an output. Each event is looked at once.
  const seen = useMemo(() => ({ upTo: 0, found: [] as number[] }), [run]);
  const answers = useMemo(() => {
    const found = [...seen.found];
    for (; seen.upTo < run.events.length; seen.upTo++) {
      const event = run.events[seen.upTo];
      if (event.type !== "TaskSubmitted" && event.type !== "TaskSucceeded") continue;
      const details = event[event.type === "TaskSubmitted" ? "taskSubmittedEventDetails" : "taskSucceededEventDetails"] as { resource?: string } | undefined;
      // A job is answered when it is submitted, and once more when it is done.
      const isJob = /\.(sync|waitForTaskToken)/.test(details?.resource ?? "");
      if (details && isStart(details) && isJob === (event.type === "TaskSubmitted")) found.push(event.id);
    }
    seen.found = found;
    return found;
  }, [run, seen, version]);
  const shown = answers.slice(0, CHILDREN_MAX);
  const data = useEventData(executionArn, shown, run.events.at(-1)?.id ?? 0);
  const children = shown.flatMap((id) => {
    const event = data.events.get(id);
    return (event && childOfEvent(event)) ?? [];
  });
  if (children.length === 0) return null;
  return (
    <Fact name={answers.length === 1 ? "Child" : "Children"}>
      <span className="row wrap">
        {children.map((arn) => <Link key={arn} className="name" to={path("executions", arn)}>{shortName(arn)}</Link>)}
        {answers.length > children.length && <span className="muted">and {(answers.length - children.length).toLocaleString()} more</span>}
      </span>
    </Fact>
  );
}
