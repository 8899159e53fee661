/** One execution: why it failed at once, and every step of it as graph, timeline, table and events. */

import { useDeferredValue, useEffect, useMemo } from "react";
import { startedAt } from "../api/express";
import { useExecution, type FollowedExecution } from "../api/history";
import { machineArnOf } from "../api/arn";
import type { Execution, ExecutionStatus } from "../api/types";
import type { RunView, Step } from "../model/run";
import { Link, path, useQuery, useSetQuery } from "../router";
import { Empty, ErrorNotice, Loading, Notice, TabPanel, Tabs } from "../ui/parts";
import { Elapsed, useNow } from "../ui/time";
import { nodeOf, readStates, type States } from "./execution/definition";
import { Events } from "./execution/events";
import { Failure, reasonOf } from "./execution/failure";
import { Graph, GraphTab } from "./execution/graph-tab";
import { Head } from "./execution/head";
import { bringInspector, Inspector } from "./execution/inspector";
import { InputOutput } from "./execution/io";
import { iterationsAround, lastOf, locate, visitToShow, type Located, type Locations } from "./execution/locate";
import { useRoom } from "./execution/room";
import { TABS, useSelection, type Selection, type TabId } from "./execution/selection";
import { StepTable } from "./execution/step-table";
import { Timeline } from "./execution/timeline";
import "./execution/execution.css";

const LABELS: Record<TabId, string> = { graph: "Graph", timeline: "Timeline", table: "Table", events: "Events", io: "Input & output" };

export function ExecutionPage({ executionArn }: { executionArn: string }) {
  const followed = useExecution(executionArn);
  const { details, error, retry } = followed;
  const [tab] = useQuery("tab");
  useEffect(() => {
    if (tab === "") Graph.expect();
  }, [tab]);
  if (followed.isMissing) return <Missing executionArn={executionArn} awaitedUntil={followed.awaitedUntil} />;
  if (!details) return error === undefined ? <Loading what="Reading the execution" /> : <ErrorNotice error={error} retry={retry} what="The execution could not be read" />;
  return <Known executionArn={executionArn} followed={followed} execution={details} />;
}

function Missing({ executionArn, awaitedUntil }: { executionArn: string; awaitedUntil: number }) {
  const isAwaited = useNow() < awaitedUntil;
  const started = isAwaited ? startedAt(executionArn) : undefined;
  const action = <Link className="button" to={path("machines", machineArnOf(executionArn))}>Go to its state machine</Link>;
  if (started !== undefined) {
    return (
      <Empty heading="h1" title="The execution is running" action={action}>
        <p className="name mono">{executionArn}</p>
        <p role="status"><span className="spinner" aria-hidden="true" /> An Express execution is shown once it has ended.</p>
        <p className="muted">Started <Elapsed from={started / 1_000} /> ago.</p>
      </Empty>
    );
  }
  return (
    <Empty heading="h1" title="There is no such execution" action={action}>
      <p className="name mono">{executionArn}</p>
      {isAwaited && <p className="muted">If it runs, it is shown here once it has ended.</p>}
      <p className="muted">It may have been removed after its retention, or belong to another account or region.</p>
    </Empty>
  );
}

function Known({ executionArn, followed, execution }: { executionArn: string; followed: FollowedExecution; execution: Execution }) {
  const { run, isWhole, isLive, definition, parent } = followed;
  const { version } = run;
  const isReading = run.events.length === 0 && !isWhole && followed.error === undefined;
  const status = followed.status ?? execution.status;
  const [tabWanted, setTab] = useQuery("tab");
  const setQuery = useSetQuery();
  const tab: TabId = TABS.find((each) => each === tabWanted) ?? "graph";
  const [chosen, select] = useSelection();
  const states = useMemo(() => (definition ? readStates(definition.definition) : undefined), [definition]);
  const cause = useMemo(() => causeOf(run, status), [run, version, status]);

  const { state: chosenState, step: chosenStep, event: chosenEvent, iterations } = chosen;
  const picked = iterations.join(".");
  // A link may be older than the definition, or mistyped.
  const isChosen = chosenState === undefined ? chosenStep !== undefined : !states || states.byName.has(chosenState) || run.visitsOf(chosenState).length > 0;
  // Whoever comes to an execution that failed or was aborted wants to see where.
  const selection = useMemo<Selection>(() => {
    const asked = isChosen || !cause ? { ...chosen, state: chosenState ?? (chosenStep === undefined ? undefined : run.steps.get(chosenStep)?.name) } : { ...chosen, state: cause.name, step: cause.id, iterations: iterationsAround(run, cause) };
    if (asked.state === undefined || asked.step !== undefined || asked.iterations.length > 0) return asked;
    return { ...asked, step: visitToShow(run, asked.state)?.id };
  }, [isChosen, cause, chosenState, chosenStep, chosenEvent, picked, run, version]);
  // While events pour in, drawing everything may lag behind; the next key stroke may not.
  const shownVersion = useDeferredValue(version);
  const locations = useMemo(() => (states ? locate(run, states, selection) : undefined), [run, shownVersion, states, selection]);
  const located = locatedOf(run, selection, states, locations);
  const reason = reasonOf(execution, status, cause);
  const isAtCause = cause !== undefined && located?.step === cause;

  const onStep = (step: Step) => select({ state: step.name, step: step.id, iterations: iterationsAround(run, step) });
  const onEvent = (id: number) => {
    const step = run.stepOf(id);
    select({ event: id, state: step?.name, step: step?.id, iterations: iterationsAround(run, step) });
  };
  const showEvent = (id: number) => {
    onEvent(id);
    // No filter may hide it.
    setQuery({ tab: "events", kind: "", q: "" });
  };
  const showStep = (step: Step) => {
    onStep(step);
    if (tab === "events" || tab === "io") setTab("graph");
  };
  const lookAt = (step: Step) => {
    showStep(step);
    bringInspector((inspector) => inspector.focus({ preventScroll: true }));
  };
  const onIteration = (map: Step, index: number) => select({ state: map.name, step: map.id, iterations: [...iterationsAround(run, map), index] });
  const [place, room] = useRoom();
  const steps = { run, version, startedAt: execution.startDate, selected: located?.step, iteration: located?.iteration === undefined || iterations.length === 0 ? undefined : located.iteration, onStep, onIteration };
  const inspector = located && <Inspector executionArn={executionArn} run={run} version={version} states={states} definition={definition} located={located} execution={execution} told={isAtCause ? reason : undefined} onStep={onStep} onEvent={showEvent} />;
  return (
    <>
      <div className="stack">
        <Head execution={execution} status={status} run={run} version={version} parent={parent} isLive={isLive} isReading={isReading} />
        {reason && <Failure reason={reason} status={status} step={cause} iterations={iterationsAround(run, cause)} isShown={isAtCause && tab !== "events" && tab !== "io"} onShow={() => cause && lookAt(cause)} />}
        {execution.historyTruncated && <Notice tone="caught" icon="caught" title="The history is not whole">It was too long to be kept: some events, and steps, are missing.</Notice>}
        {definition?.isGuess && <Notice tone="caught" icon="caught" title="The definition that it ran is not known">The state machine is shown as it is now: what it has become since may differ.</Notice>}
        {followed.error !== undefined && <ErrorNotice error={followed.error} retry={followed.retry} what="The history could not be read" />}
        <div>
          <Tabs tabs={TABS.map((id) => ({ id, label: LABELS[id] }))} selected={tab} onSelect={(id) => setTab(id === "graph" ? "" : id)} label="Views of the execution" panelId="execution-panel" />
        </div>
      </div>
      <div ref={place} style={{ "--room": `${room}px` } as React.CSSProperties}>
        <TabPanel panelId="execution-panel" selected={tab}>
          {isReading && tab !== "io" ? (
            <Loading what="Reading the history" />
          ) : (
            <>
              {tab === "graph" && <GraphTab {...{ followed, states, locations, selection, located, select, execution, status, inspector }} version={shownVersion} />}
              {tab === "timeline" && <Beside main={<Timeline {...steps} endedAt={status === "RUNNING" ? undefined : execution.stopDate} />} aside={inspector} />}
              {tab === "table" && <Beside main={<StepTable {...steps} />} aside={inspector} />}
              {tab === "events" && <Events {...{ executionArn, run, version, isWhole }} startedAt={execution.startDate} selected={selection.event} onSelect={onEvent} onStep={showStep} />}
            </>
          )}
          {tab === "io" && <InputOutput execution={execution} status={status} />}
        </TabPanel>
      </div>
    </>
  );
}

/** The step that an execution ended at without success. */
function causeOf(run: RunView, status: ExecutionStatus): Step | undefined {
  if (status === "RUNNING" || status === "SUCCEEDED") return undefined;
  return status === "ABORTED" ? lastOf(run, "aborted") : run.rootCause();
}

/** What is selected; from the history alone where the definition lacks it. */
function locatedOf(run: RunView, selection: Selection, states: States | undefined, locations: Locations | undefined): Located | undefined {
  if (selection.state === undefined || !states) return undefined;
  const step = selection.step === undefined ? undefined : run.steps.get(selection.step);
  return locations?.get(selection.state) ?? (step && { node: nodeOf(step), visits: [step], step, isTogether: false });
}

function Beside({ main, aside }: { main: React.ReactNode; aside: React.ReactNode }) {
  return (
    <div className={aside ? "beside" : "beside alone"}>
      {main}
      {aside}
    </div>
  );
}
