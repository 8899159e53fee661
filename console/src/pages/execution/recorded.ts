/** What the history recorded of a step, and what `TestState` makes of it. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { isExpress, machineArnOf, shortName } from "../../api/arn";
import { call } from "../../api/client";
import { useEventData } from "../../api/history";
import { detailsOf, type Execution, type HistoryEvent } from "../../api/types";
import { retriesOf, type RunView, type Step } from "../../model/run";
import { testRequest, untestable, type Recorded, type Tested } from "./dataflow";
import { isObject, type Json, type JsonObject, type StateNode, type States } from "./definition";
import { chainOf } from "./locate";

/** The results of so many branches or iterations are gathered for a result that no event has. */
export const GATHERED_MAX = 50;
/** So many earlier visits of a state are asked what they assigned, where that depends on the way it took. */
const VISITS_MAX = 10;

/** The events of a step itself, in order; not those of the steps in it. */
export function eventsOf(run: RunView, step: Step): HistoryEvent[] {
  const { events } = run;
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].id < step.id) low = middle + 1;
    else high = middle;
  }
  const found: HistoryEvent[] = [];
  for (let at = low; at < events.length && events[at].id <= step.lastEventId; at += 1) {
    if (run.stepOf(events[at].id)?.id === step.id) found.push(events[at]);
  }
  return found;
}

const SCHEDULED = /^(Task|LambdaFunction|Activity)Scheduled$/;
const SUCCEEDED = /^(Task|LambdaFunction|Activity)Succeeded$/;

/** The ids of the events that have what was recorded of a step. */
interface Points {
  scheduled?: number;
  succeeded?: number;
  /** The last events of the branches or iterations, in order. */
  parts?: number[];
}

function pointsOf(run: RunView, node: StateNode | undefined, step: Step): Points {
  const events = eventsOf(run, step);
  const scheduled = events.findLast(({ type }) => SCHEDULED.test(type))?.id;
  const succeeded = events.findLast(({ type }) => SUCCEEDED.test(type))?.id;
  return { scheduled, succeeded, parts: node && step.status === "succeeded" ? partsOf(run, node, step) : undefined };
}

function partsOf(run: RunView, node: StateNode, step: Step): number[] | undefined {
  const lastOf = (steps: readonly Step[]) => steps.reduce((last, { exitEventId }) => Math.max(last, exitEventId ?? 0), 0);
  let parts: number[];
  if (node.type === "Map") {
    const total = step.iterations?.total ?? 0;
    if (total > GATHERED_MAX) return undefined;
    parts = run.iterationsOf(step.id).map(({ index }) => lastOf(run.childrenOf(step.id, index)));
  } else if (node.type === "Parallel") {
    const branches = Array.isArray(node.source.Branches) ? node.source.Branches.length : 0;
    const branchOf = new Map(node.children.map((child) => [child.name, child.branch]));
    const steps = run.childrenOf(step.id);
    parts = Array.from({ length: branches }, (_, branch) => lastOf(steps.filter(({ name }) => branchOf.get(name) === branch)));
  } else {
    return undefined;
  }
  // One that was never left is not known.
  return parts.length <= GATHERED_MAX && parts.every((id) => id > 0) ? parts : undefined;
}

/** Whether a state assigns variables, and whether which ones depends on the way it took. */
function assigns({ source }: StateNode): { ever: boolean; varies: boolean } {
  const inner = [source.Choices, source.Catch].flatMap((list) => (Array.isArray(list) ? list : [])).filter((each) => isObject(each) && each.Assign !== undefined);
  return { ever: source.Assign !== undefined || inner.length > 0, varies: inner.length > 0 };
}

/** The exits before a step that may have assigned variables it sees, in order. */
function assigningExits(run: RunView, states: States, step: Step): number[] {
  const exits: number[] = [];
  for (const each of chainOf(run, step)) {
    const node = states.byName.get(each.name);
    const beside = node?.parent ? node.parent.children : states.roots;
    const assigning = new Map(beside.filter((other) => other.branch === node?.branch && assigns(other).ever).map((other) => [other.name, other]));
    if (assigning.size === 0) continue;
    const visits = new Map<string, number>();
    const steps = run.childrenOf(each.parent, each.iteration);
    for (let at = steps.length - 1; at >= 0; at -= 1) {
      const { name, exitEventId } = steps[at];
      const other = assigning.get(name);
      if (!other || exitEventId === undefined || exitEventId > each.id) continue;
      const count = visits.get(name) ?? 0;
      if (count >= (assigns(other).varies ? VISITS_MAX : 1)) continue;
      visits.set(name, count + 1);
      exits.push(exitEventId);
    }
  }
  return exits.sort((a, b) => a - b);
}

export interface RecordedStep extends Recorded {
  isLoading: boolean;
  loadError?: unknown;
}

/** What the history has of a step. */
export function useRecorded(executionArn: string, run: RunView, version: number, node: StateNode | undefined, step: Step): RecordedStep {
  const points = useMemo(() => pointsOf(run, node, step), [run, version, node, step]);
  const ids = [step.id, points.scheduled, points.succeeded, step.exitEventId, ...(points.parts ?? [])].filter((id) => id !== undefined);
  const data = useEventData(executionArn, ids, run.events.at(-1)?.id ?? 0);
  const detailsAt = (id: number | undefined) => {
    const event = id === undefined ? undefined : data.events.get(id);
    return event && detailsOf(event);
  };
  const scheduled = detailsAt(points.scheduled);
  const exited = detailsAt(step.exitEventId);
  const parts = points.parts?.map((id) => detailsAt(id)?.output);
  const result = parts?.every((part) => part !== undefined) ? `[${parts.join(",")}]` : detailsAt(points.succeeded)?.output;
  const hasFailed = step.status !== "running" && step.status !== "succeeded";
  return {
    input: detailsAt(step.id)?.input,
    parameters: scheduled?.parameters ?? scheduled?.input,
    result,
    output: exited?.output,
    assigned: exited?.assignedVariables,
    error: step.error,
    cause: step.cause,
    hasFailed,
    isLoading: data.isLoading,
    loadError: data.error,
  };
}

export interface DataFlow {
  variables: Record<string, string>;
  tested?: Tested;
  isLoading: boolean;
  /** Why only what was recorded is known. */
  why?: string;
  error?: unknown;
}

/** The variables that a step saw, as JSON by name. */
export function useVariables(executionArn: string, run: RunView, version: number, states: States, step: Step): { variables: Record<string, string>; isLoading: boolean; error?: unknown } {
  const exits = useMemo(() => assigningExits(run, states, step), [run, version, states, step]);
  const { events, isLoading, error } = useEventData(executionArn, exits, run.events.at(-1)?.id ?? 0);
  const variables: Record<string, string> = {};
  for (const id of exits) {
    const event = events.get(id);
    if (event) Object.assign(variables, detailsOf(event).assignedVariables ?? {});
  }
  return { variables, isLoading, error };
}

/** Asks `TestState` about the stages between what was recorded. */
export function useDataFlow(executionArn: string, run: RunView, version: number, states: States, node: StateNode, step: Step, recorded: RecordedStep, execution: Execution | undefined): DataFlow {
  const { variables, ...earlier } = useVariables(executionArn, run, version, states, step);
  const isReady = !recorded.isLoading && !earlier.isLoading && recorded.loadError === undefined && earlier.error === undefined;
  const why = recorded.isLoading || recorded.loadError !== undefined ? undefined : untestable(node, recorded);
  const tested = useQuery({
    queryKey: ["data-flow", executionArn, step.id, step.exitEventId ?? 0, step.attempts.length, step.status],
    queryFn: ({ signal }) => call<Tested>("TestState", testRequest(node, recorded, variables, contextOf(executionArn, node, step, execution)), signal),
    enabled: isReady && why === undefined,
    staleTime: Infinity,
    retry: false,
  });
  return { variables, tested: tested.data, isLoading: !isReady || tested.isLoading, why, error: recorded.loadError ?? earlier.error ?? tested.error ?? undefined };
}

/** The context object of a step, as far as `TestState` takes one. */
function contextOf(executionArn: string, node: StateNode, step: Step, execution: Execution | undefined): JsonObject {
  const moment = (seconds: number) => new Date(seconds * 1_000).toISOString();
  const machineArn = machineArnOf(executionArn);
  const about: JsonObject = { Id: executionArn, Name: execution?.name ?? shortName(executionArn) };
  if (execution) about.StartTime = moment(execution.startDate);
  if (!isExpress(executionArn)) about.RedriveCount = execution?.redriveCount ?? 0;
  // The input may be large, and is seldom asked for.
  if (execution?.input && /\$\$|context/.test(JSON.stringify(node.source))) about.Input = JSON.parse(execution.input) as Json;
  const hasToken = typeof node.source.Resource === "string" && node.source.Resource.endsWith(".waitForTaskToken");
  return {
    Execution: about,
    // What was really sent is recorded; this only keeps the template from failing.
    ...(hasToken ? { Task: { Token: "token" } } : {}),
    State: { EnteredTime: moment(step.enteredAt), Name: step.name, RetryCount: retriesOf(step) },
    StateMachine: { Id: machineArn, Name: shortName(machineArn) },
  };
}

