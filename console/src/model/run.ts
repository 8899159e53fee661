/**
 * What happened in an execution, step by step, out of its history.
 *
 * A history is a list of events that name the event before them; a `Run` is the tree in it. It takes in
 * events as they come, in order, and costs nothing for those it has seen: histories have up to a hundred
 * thousand events. Payloads are not needed.
 */

import type { HistoryEvent } from "../api/types";

export { Run } from "./history";

/** How far a step is. `caught`: it failed and a catcher took over. */
export type StepStatus = "running" | "succeeded" | "failed" | "caught" | "timedout" | "aborted";

/** One call of a task, or one go at a Map or Parallel: a retry is another one. A Wait that was redriven has some too. */
export interface Attempt {
  /** Its `…Scheduled` event; of a Map or Parallel its `…Started`; of a Wait its `…StateEntered`, or the redrive. */
  scheduledEventId: number;
  /** Its last event so far. */
  lastEventId: number;
  scheduledAt: number;
  startedAt?: number;
  endedAt?: number;
  status: StepStatus;
  error?: string;
  cause?: string;
  /** It is no retry: a redrive began it. */
  isRedrive?: boolean;
  /** Such as `lambda` and `invoke`, or `activity`. */
  resourceType?: string;
  resource?: string;
}

/** One visit of a state. */
export interface Step {
  /** The id of its `…StateEntered` event. */
  id: number;
  name: string;
  /** `Task`, `Map`, ... */
  type: string;
  /** The id of the Map's or Parallel's step that it is in. */
  parent?: number;
  /** Which iteration of that Map, from 0. */
  iteration?: number;
  /** Seconds since the epoch. */
  enteredAt: number;
  /** When it was left, or when it ended for good without being left. */
  endedAt?: number;
  exitEventId?: number;
  /** The last event that belongs to it and to no step in it. */
  lastEventId: number;
  status: StepStatus;
  attempts: Attempt[];
  /** Why it failed, also if that was caught. */
  error?: string;
  cause?: string;
  /** The event that tells why it failed. */
  failureEventId?: number;
  /** Of a Map: how many items it has, and how they do. */
  iterations?: IterationCounts;
  /** It was in a go at a Map or Parallel that was followed by another: what it came to is no longer so. */
  isSuperseded?: boolean;
}

export interface IterationCounts {
  total: number;
  started: number;
  succeeded: number;
  failed: number;
  aborted: number;
}

/** One iteration of a Map's step. */
export interface Iteration {
  index: number;
  status: StepStatus;
  startedAt: number;
  endedAt?: number;
  startedEventId: number;
}

/** How often the steps of one name are in each status; those that are superseded do not count. */
export interface Tally {
  /** By status; those that are zero may be missing. */
  statuses: Partial<Record<StepStatus, number>>;
  visits: number;
  /** Attempts behind the first ones. */
  retries: number;
  /** How often the state of that name came next. */
  next: ReadonlyMap<string, number>;
}

/** What is known of a run so far. `version` rises with every change; the rest is changed in place. */
export interface RunView {
  readonly version: number;
  /** By id, in the order in which they were entered. */
  readonly steps: ReadonlyMap<number, Step>;
  readonly events: readonly HistoryEvent[];
  /** The step that an event belongs to; none for those of the execution itself. */
  stepOf(eventId: number): Step | undefined;
  /** The steps directly in a Map's or Parallel's step, or in the execution itself; of one iteration if one is named. */
  childrenOf(parent: number | undefined, iteration?: number): readonly Step[];
  /** All iterations of a Map's step, by index. */
  iterationsOf(mapStep: number): readonly Iteration[];
  /** The visits of the state of this name. Names are unique within a state machine. */
  visitsOf(name: string): readonly Step[];
  /** The same in numbers, kept as events come, so that it costs nothing to ask. */
  tallyOf(name: string): Tally | undefined;
  /** The step to show to somebody who asks why it failed: the innermost one that failed first. */
  rootCause(): Step | undefined;
}

/** How often a step was tried again by its retriers. */
export function retriesOf({ attempts }: Step): number {
  return attempts.slice(1).filter(({ isRedrive }) => !isRedrive).length;
}
