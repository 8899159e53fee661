/** All about the step that is selected. */

import { useState } from "react";
import { shortName } from "../../api/arn";
import type { DefinitionOfExecution } from "../../api/history";
import type { Execution } from "../../api/types";
import type { Attempt, RunView, Step } from "../../model/run";
import { Link, path, useQuery } from "../../router";
import { Button, Empty, ErrorNotice, Loading, Notice, TabPanel, Tabs } from "../../ui/parts";
import { Payload } from "../../ui/payload";
import { StepBadge } from "../../ui/status";
import { Elapsed, formatClock, formatDuration, formatMoment } from "../../ui/time";
import { Cause } from "./cause";
import { DataFlowView } from "./dataflow-view";
import type { States } from "./definition";
import { Fact } from "./fact";
import type { Reason } from "./failure";
import { iterationsAround, type Located } from "./locate";
import { eventsOf, useRecorded, type RecordedStep } from "./recorded";
import { childOf, waitsForAnswer } from "./tasks";
import { TestStep } from "./test-step";

interface Props {
  executionArn: string;
  run: RunView;
  version: number;
  states: States | undefined;
  definition: DefinitionOfExecution | undefined;
  located: Located;
  execution: Execution;
  /** What the page tells of this step already. */
  told: Reason | undefined;
  onStep: (step: Step) => void;
  onEvent: (id: number) => void;
}

const TABS = [
  { id: "io", label: "In & out" },
  { id: "flow", label: "Data flow" },
  { id: "details", label: "Definition" },
  { id: "events", label: "Events" },
];

export function Inspector(props: Props) {
  const { located, run, onStep } = props;
  const { node, step, isTogether } = located;
  const within = iterationsAround(run, step);
  // Visits in other iterations are for the iterations to pick.
  const visits = isTogether ? [] : located.visits;
  return (
    <section id="inspector" tabIndex={-1} className="step-inspector card" aria-label={`State ${node.name}`}>
      <header>
        <div className="grow">
          <h2 className="name">{node.name}</h2>
          <div className="row wrap small muted">
            <span>{node.type}</span>
            {within.length > 0 && <span>Iteration {within.join(" › ")}</span>}
            {step?.isSuperseded && <span>In an earlier go, which was retried</span>}
            {step && visits.length > 1 && <Visits visits={visits} step={step} onStep={onStep} />}
          </div>
        </div>
        {step && <StepBadge status={step.status} />}
      </header>
      {step ? <StepInspector {...props} step={step} key={step.id} /> : <NotEntered {...props} isOver={run.events.length > 0} />}
    </section>
  );
}

function Visits({ visits, step, onStep }: { visits: readonly Step[]; step: Step; onStep: (step: Step) => void }) {
  const at = visits.findIndex(({ id }) => id === step.id);
  return (
    <span className="row" style={{ gap: 2 }}>
      <Button kind="quiet" small aria-label="Earlier visit" disabled={at <= 0} onClick={() => onStep(visits[at - 1])}>‹</Button>
      <span>Visit {at + 1} of {visits.length}</span>
      <Button kind="quiet" small aria-label="Later visit" disabled={at >= visits.length - 1} onClick={() => onStep(visits[at + 1])}>›</Button>
    </span>
  );
}

function NotEntered({ located, isOver }: Props & { isOver: boolean }) {
  return (
    <div className="body stack">
      <p className="muted">{isOver ? "This state was not entered." : "Nothing has happened yet."}</p>
      <Payload text={JSON.stringify(located.node.source)} title="Definition of the state" />
    </div>
  );
}

function StepInspector({ executionArn, run, version, states, definition, located, step, execution, told, onEvent }: Props & { step: Step }) {
  const [tabWanted, setTab] = useQuery("view");
  const tab = TABS.some(({ id }) => id === tabWanted) ? tabWanted : "io";
  const recorded = useRecorded(executionArn, run, version, located.node, step);
  const child = childOf(step, recorded);
  // The input of a test: as it was at the click, for what is recorded is read again while the execution goes on.
  const [tested, setTested] = useState<string>();
  const isTold = told !== undefined && step.error === told.error && step.cause === told.cause;
  return (
    <div className="step-inspector-body">
      <div className="body stack inspector-head">
        {(step.error !== undefined || step.cause !== undefined) && !isTold && (
          <Notice tone={step.status === "caught" ? "caught" : step.status === "succeeded" ? "plain" : "failed"} icon={step.status === "caught" ? "caught" : "failed"} title={step.error ?? "Failed"}>
            {step.cause !== undefined && <Cause cause={step.cause} />}
          </Notice>
        )}
        {waitsForAnswer(step) && (
          <Notice tone="running" icon="waiting" title="Waiting for an answer">
            <Link to={`inbox?execution=${encodeURIComponent(executionArn)}`}>Answer it among the waiting tasks</Link>
          </Notice>
        )}
        <dl className="facts">
          <Fact name="Entered">
            <span title={formatMoment(step.enteredAt)}>{formatClock(step.enteredAt)}</span>
            <span className="muted"> +{formatDuration((step.enteredAt - execution.startDate) * 1_000)}</span>
          </Fact>
          <Fact name={step.endedAt === undefined ? "Running for" : "Duration"}><Elapsed from={step.enteredAt} to={step.endedAt} /></Fact>
          {step.attempts[0]?.resource && <Fact name="Resource"><span className="name">{resourceText(step.attempts[0])}</span></Fact>}
          {step.iterations && <Fact name="Iterations">{iterationsText(step)}</Fact>}
          {child && <Fact name="Execution"><Link to={path("executions", child)} className="name">{shortName(child)}</Link></Fact>}
        </dl>
        {step.attempts.length > 1 && <Attempts attempts={step.attempts} onEvent={onEvent} />}
        {states && definition && !definition.isGuess && (recorded.input ?? tested) !== undefined && <div><Button small icon="play" onClick={() => setTested(recorded.input)}>Test this state</Button></div>}
        {states && definition && tested !== undefined && <TestStep {...{ executionArn, run, version, states, definition, step }} input={tested} onClose={() => setTested(undefined)} />}
      </div>
      <div className="inspector-tabs"><Tabs tabs={TABS} selected={tab} onSelect={(id) => setTab(id === "io" ? "" : id)} label="About the step" panelId="step-panel" /></div>
      <div className="body inspector-panel">
        <TabPanel panelId="step-panel" selected={tab}>
          {tab === "io" && <InputOutput recorded={recorded} step={step} />}
          {tab === "flow" && (states ? <DataFlowView {...{ executionArn, run, version, states, step, recorded, execution }} node={located.node} /> : <Empty title="The definition is not known" />)}
          {tab === "details" && <Payload text={JSON.stringify(located.node.source)} title="Definition of the state" />}
          {tab === "events" && <StepEvents run={run} step={step} onEvent={onEvent} />}
        </TabPanel>
      </div>
    </div>
  );
}

/** On a narrow page it is far below what it tells of. */
export function bringInspector(then?: (inspector: HTMLElement) => void): void {
  requestAnimationFrame(() => {
    const inspector = document.getElementById("inspector");
    inspector?.scrollIntoView({ block: "nearest" });
    if (inspector) then?.(inspector);
  });
}

/** The action of a service, or the ARN of a function or an activity. */
function resourceText({ resourceType, resource = "" }: Attempt): string {
  return resource.startsWith("arn:") || !resourceType ? resource : `${resourceType}:${resource}`;
}

function iterationsText({ iterations }: Step): string {
  if (!iterations) return "";
  const { total, succeeded, failed, aborted, started } = iterations;
  const running = started - succeeded - failed - aborted;
  const parts: [number, string][] = [[succeeded, "succeeded"], [failed, "failed"], [aborted, "aborted"], [running, "in progress"], [total - started, "not started"]];
  return `${total.toLocaleString()} · ${parts.filter(([count]) => count > 0).map(([count, what]) => `${count.toLocaleString()} ${what}`).join(", ")}`;
}

function Attempts({ attempts, onEvent }: { attempts: readonly Attempt[]; onEvent: (id: number) => void }) {
  return (
    <section aria-label="Attempts">
      <h3>{attempts.length} attempts</h3>
      <ol className="attempts">
        {attempts.map((attempt, index) => (
          <li key={attempt.scheduledEventId}>
            <span className="muted">{index + 1}</span>
            <StepBadge status={attempt.status} />
            {attempt.isRedrive && <span className="muted small">redriven</span>}
            <span className="mono grow ellipsis" title={attempt.error}>{attempt.error}</span>
            <span className="muted small">{attempt.endedAt === undefined ? "" : formatDuration((attempt.endedAt - attempt.scheduledAt) * 1_000)}</span>
            <Button kind="quiet" small aria-label={`Event ${attempt.lastEventId} of attempt ${index + 1}`} onClick={() => onEvent(attempt.lastEventId)}>#{attempt.lastEventId}</Button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function InputOutput({ recorded, step }: { recorded: RecordedStep; step: Step }) {
  if (recorded.isLoading) return <Loading what="Reading the payloads" />;
  if (recorded.loadError !== undefined) return <ErrorNotice error={recorded.loadError} what="The payloads could not be read" />;
  return (
    <>
      {recorded.input === undefined ? <p className="muted">The history has no input.</p> : <Payload text={recorded.input} title="Input" actions={<h3>Input</h3>} />}
      {recorded.output === undefined ? <p className="muted">{step.status === "running" ? "There is no output yet." : "There is no output: the state was not left."}</p> : <Payload text={recorded.output} title="Output" actions={<h3>Output</h3>} />}
    </>
  );
}

function StepEvents({ run, step, onEvent }: { run: RunView; step: Step; onEvent: (id: number) => void }) {
  const events = eventsOf(run, step);
  const shown = events.slice(0, 200);
  return (
    <>
      <ol className="step-events">
        {shown.map((event) => (
          <li key={event.id}>
            <button type="button" className="link" onClick={() => onEvent(event.id)}>
              <span className="mono muted">#{event.id}</span> {event.type}
            </button>
            <span className="muted small" title={formatMoment(event.timestamp)}>{formatClock(event.timestamp)}</span>
          </li>
        ))}
      </ol>
      {events.length > shown.length && <p className="muted small">The first {shown.length} of {events.length.toLocaleString()}.</p>}
    </>
  );
}
