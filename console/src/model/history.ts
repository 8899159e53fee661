/**
 * How a history is read. See `run.ts` for what comes out.
 *
 * Most events name the one before them, and belong to its step. The exceptions:
 *
 * | event                         | names as the one before it                         | found by |
 * |-------------------------------|----------------------------------------------------|----------|
 * | the first state entered       | 0                                                  | being a state entered |
 * | `MapIteration…`               | whatever happened last in an earlier iteration     | the Map's name |
 * | `…StateSucceeded`, `…Failed`  | the last event of a branch or iteration            | the kind of state around |
 * | `…StateAborted`               | the failure for which it was aborted               | the kind of state, and being open |
 * | `EvaluationFailed`            | the event before the state was entered             | the state's name |
 * | what follows a redrive        | what came before the failure                       | being open again |
 * | the execution's end           | what ended it; 0 if it was stopped or out of time  | – |
 *
 * No event says that a step failed for good: that shows when the state around it fails or tries again,
 * or when the execution ends.
 */

import { detailsOf, type EventDetails, type HistoryEvent } from "../api/types";
import { retriesOf, type Attempt, type Iteration, type RunView, type Step, type StepStatus, type Tally } from "./run";

/** Why a step is about to fail, if nothing retries or catches it. */
interface Failure {
  eventId: number;
  status: "failed" | "timedout";
  error?: string;
  cause?: string;
  /** The step in which it began. */
  origin: Node;
}

/** A step with what is needed to read on. The execution itself is one without a step. */
interface Node {
  step: Step | undefined;
  parent: Node | undefined;
  /** The event before its `…StateEntered`. */
  enteredAfter: number;
  children: Step[];
  byIteration: Map<number, Step[]> | undefined;
  iterations: Map<number, Iteration> | undefined;
  /** The steps in it that go on, in the order in which they were entered. */
  open: Set<Node>;
  /** The steps in it that ended without being left: a redrive opens them again. */
  unfinished: Node[];
  failure: Failure | undefined;
  /** Whether its `…StateFailed` was seen. */
  isOver: boolean;
}

interface NameTally extends Tally {
  statuses: Partial<Record<StepStatus, number>>;
  next: Map<string, number>;
}

const STATE_EVENT = /^(Task|Pass|Choice|Wait|Succeed|Fail|Parallel|Map)State(Entered|Exited|Started|Succeeded|Failed|Aborted)$/;
const NO_STEPS: readonly Step[] = [];

export class Run implements RunView {
  version = 0;
  readonly steps = new Map<number, Step>();
  readonly events: HistoryEvent[] = [];
  private readonly root = newNode(undefined, undefined, 0);
  /** By the id of an event: the step that it belongs to. */
  private readonly owners: (Node | undefined)[] = [];
  private readonly iterationAt = new Map<number, number>();
  private readonly visits = new Map<string, Node[]>();
  private readonly visitSteps = new Map<string, Step[]>();
  private readonly tallies = new Map<string, NameTally>();
  private lastEventId = 0;
  private culprit: Node | undefined;
  /** The event of the last redrive. */
  private redrivenAt = 0;

  /** Takes in events in the order of their ids. Those that were seen before are skipped. */
  append(events: readonly HistoryEvent[]): void {
    let isNew = false;
    for (const event of events) {
      if (event.id <= this.lastEventId) continue;
      this.lastEventId = event.id;
      this.events.push(event);
      const owner = this.read(event);
      if (owner?.step) {
        this.owners[event.id] = owner;
        owner.step.lastEventId = event.id;
      }
      isNew = true;
    }
    if (isNew) this.version += 1;
  }

  stepOf(eventId: number): Step | undefined {
    return this.owners[eventId]?.step;
  }

  childrenOf(parent: number | undefined, iteration?: number): readonly Step[] {
    const node = parent === undefined ? this.root : this.nodeOf(parent);
    if (!node) return NO_STEPS;
    return iteration === undefined ? node.children : (node.byIteration?.get(iteration) ?? NO_STEPS);
  }

  iterationsOf(mapStep: number): readonly Iteration[] {
    const iterations = this.nodeOf(mapStep)?.iterations;
    return iterations ? [...iterations.values()].sort((a, b) => a.index - b.index) : [];
  }

  visitsOf(name: string): readonly Step[] {
    return this.visitSteps.get(name) ?? NO_STEPS;
  }

  tallyOf(name: string): Tally | undefined {
    return this.tallies.get(name);
  }

  rootCause(): Step | undefined {
    return this.culprit?.step;
  }

  private nodeOf(stepId: number): Node | undefined {
    const node = this.owners[stepId];
    return node?.step?.id === stepId ? node : undefined;
  }

  /** Takes in one event and says whose it is. */
  private read(event: HistoryEvent): Node | undefined {
    const { type } = event;
    const before = this.owners[event.previousEventId];
    const state = STATE_EVENT.exec(type);
    if (state) {
      const [, kind, what] = state;
      switch (what) {
        case "Entered":
          return this.enter(event, kind, before);
        case "Exited":
          return this.exit(event, kind, before);
        case "Aborted":
          return this.abortOne(event, kind, before);
        default:
          return this.progress(event, kind, what, before);
      }
    }
    if (type.startsWith("MapIteration")) return this.iterate(event, before);
    if (type.startsWith("MapRun")) return this.mapRun(event, before);
    switch (type) {
      case "ExecutionStarted":
      case "ExecutionSucceeded":
        return undefined;
      case "ExecutionFailed":
        this.failExecution(event, before);
        return undefined;
      case "ExecutionTimedOut":
        this.endExecution(event, "timedout");
        return undefined;
      case "ExecutionAborted":
        this.endExecution(event, "aborted");
        return undefined;
      case "ExecutionRedriven":
        this.redrivenAt = event.id;
        this.culprit = undefined;
        this.reopenUnfinished(this.root, event);
        return undefined;
      case "EvaluationFailed":
        return this.evaluationFailed(event, before);
      default:
        return this.call(event, before);
    }
  }

  private enter(event: HistoryEvent, kind: string, before: Node | undefined): Node {
    const name = detailsOf(event).name ?? "";
    // What follows a Started event is in that Map or Parallel; what follows an Exited event stands beside it.
    const isInside = before?.step !== undefined && !before.step.exitEventId && (before.step.type === "Map" || before.step.type === "Parallel");
    const parent = before ? (isInside ? before : before.parent!) : this.root;
    const iteration = isInside ? this.iterationAt.get(event.previousEventId) : before?.step?.iteration;
    const step: Step = {
      id: event.id,
      name,
      type: kind,
      parent: parent.step?.id,
      iteration,
      enteredAt: event.timestamp,
      lastEventId: event.id,
      status: "running",
      attempts: [],
    };
    const node = newNode(step, parent, event.previousEventId);
    this.steps.set(event.id, step);
    parent.children.push(step);
    parent.open.add(node);
    if (iteration !== undefined) append(parent.byIteration ??= new Map(), iteration, step);
    append(this.visits, name, node);
    append(this.visitSteps, name, step);
    const tally = this.tally(name);
    tally.visits += 1;
    count(tally.statuses, "running", 1);
    if (before?.step && !isInside) {
      const next = this.tally(before.step.name).next;
      next.set(name, (next.get(name) ?? 0) + 1);
    }
    if (kind === "Fail") {
      node.failure = { eventId: event.id, status: "failed", origin: node };
      this.close(node, "failed", event);
    }
    return node;
  }

  private exit(event: HistoryEvent, kind: string, before: Node | undefined): Node | undefined {
    const name = detailsOf(event).name ?? "";
    const node = this.around(before, (each) => each.name === name && !each.exitEventId) ?? this.lastOpen(name);
    if (!node?.step) return undefined;
    if (kind === "Map" || kind === "Parallel") this.endChildren(node, "aborted", event);
    const caught = node.failure !== undefined;
    node.step.exitEventId = event.id;
    this.close(node, caught ? "caught" : "succeeded", event);
    return node;
  }

  /** `Started`, `Succeeded` and `Failed` of a Map or Parallel: these name nobody. */
  private progress(event: HistoryEvent, kind: string, what: string, before: Node | undefined): Node | undefined {
    const node = this.around(before, (step, each) => step.type === kind && !step.exitEventId && !each.isOver) ?? this.openAgain(before, kind);
    if (!node?.step) return undefined;
    const { step } = node;
    if (what === "Failed") {
      this.takeFailure(node, before, event);
      this.endChildren(node, "aborted", event);
      node.isOver = true;
    } else if (what === "Started") {
      if (step.attempts.length > 0) {
        // Another go: what was in the one before it ends here, and stays ended after a redrive.
        this.takeFailure(node, before, event);
        this.endAttempt(node, "failed", event);
        this.endChildren(node, "aborted", event);
        node.unfinished = [];
        node.failure = undefined;
        this.supersede(node);
      }
      this.reopen(node);
      this.attempt(step, { scheduledEventId: event.id, lastEventId: event.id, scheduledAt: event.timestamp, startedAt: event.timestamp, status: "running" });
      if (kind === "Map") {
        node.iterations = new Map();
        step.iterations = { total: detailsOf(event).length ?? 0, started: 0, succeeded: 0, failed: 0, aborted: 0 };
      }
    } else {
      node.failure = undefined;
      this.endAttempt(node, "succeeded", event);
    }
    return node;
  }

  /**
   * `…StateAborted`: for a failure beside it, or its own. The one that was aborted is not named: it is one that
   * goes on, or waits for a retry, in the innermost Map or Parallel around the failure that has one.
   */
  private abortOne(event: HistoryEvent, kind: string, before: Node | undefined): Node | undefined {
    let own: Node | undefined;
    for (let scope = before ?? this.root; ; scope = scope.parent!) {
      const found = openOfKind(scope, kind, (node) => !node.failure) ?? openOfKind(scope, kind, (node) => node !== own);
      if (found) {
        this.close(found, "aborted", event, false);
        return found;
      }
      if (own || !scope.parent) return own;
      if (scope.step?.type === kind && !scope.step.exitEventId) own = scope;
    }
  }

  private iterate(event: HistoryEvent, before: Node | undefined): Node | undefined {
    const { name = "", index = 0 } = detailsOf(event);
    const isStart = event.type === "MapIterationStarted";
    const fits = (node: Node) => isStart || isOpenIteration(node.iterations?.get(index));
    const node =
      this.around(before, (step, each) => step.name === name && fits(each)) ?? last(this.visits.get(name), fits) ?? last(this.visits.get(name), () => true);
    if (!node?.step) return undefined;
    const iterations = (node.iterations ??= new Map());
    const counts = (node.step.iterations ??= { total: 0, started: 0, succeeded: 0, failed: 0, aborted: 0 });
    if (isStart) {
      this.reopen(node);
      if (!iterations.has(index)) counts.started += 1;
      iterations.set(index, { index, status: "running", startedAt: event.timestamp, startedEventId: event.id });
      counts.total = Math.max(counts.total, counts.started);
      this.iterationAt.set(event.id, index);
      return node;
    }
    const iteration = iterations.get(index);
    if (!iteration) return node;
    const status = event.type === "MapIterationSucceeded" ? "succeeded" : event.type === "MapIterationFailed" ? "failed" : "aborted";
    if (status === "failed") this.takeFailure(node, before, event);
    endIteration(node.step, iteration, status, event.timestamp);
    return node;
  }

  private mapRun(event: HistoryEvent, before: Node | undefined): Node | undefined {
    const node = this.around(before, (step) => step.type === "Map" && !step.exitEventId) ?? this.openAgain(before, "Map");
    if (!node) return undefined;
    if (event.type === "MapRunFailed") this.noteFailure(node, event, "failed");
    if (event.type === "MapRunStarted" || event.type === "MapRunRedriven") this.reopen(node);
    return node;
  }

  /** What happens to a call: `TaskScheduled`, `LambdaFunctionFailed`, `ActivityStarted` and the like. */
  private call(event: HistoryEvent, before: Node | undefined): Node | undefined {
    const { type } = event;
    const node = before?.step?.type === "Task" && !before.step.exitEventId ? before : this.openAgain(before, "Task");
    if (!node?.step) return before;
    const { attempts } = node.step;
    if (type.endsWith("Scheduled")) {
      this.reopen(node);
      node.failure = undefined;
      this.attempt(node.step, newAttempt(event, detailsOf(event)));
      return node;
    }
    if (type.endsWith("ScheduleFailed") && attempts.at(-1)?.status !== "running") attempts.push(newAttempt(event, {}));
    const attempt = attempts.at(-1);
    if (attempt) attempt.lastEventId = event.id;
    if (type.endsWith("Started")) {
      if (attempt) attempt.startedAt = event.timestamp;
    } else if (type.endsWith("Succeeded")) {
      node.failure = undefined;
      this.endAttempt(node, "succeeded", event);
    } else if (type.endsWith("Failed") || type.endsWith("TimedOut")) {
      this.noteFailure(node, event, type.endsWith("TimedOut") ? "timedout" : "failed");
    }
    return node;
  }

  private attempt(step: Step, attempt: Attempt): void {
    const before = step.attempts.at(-1);
    if (before && before.lastEventId < this.redrivenAt) attempt.isRedrive = true;
    else if (before) this.tally(step.name).retries += 1;
    step.attempts.push(attempt);
  }

  private evaluationFailed(event: HistoryEvent, before: Node | undefined): Node | undefined {
    const { state: name = "" } = detailsOf(event);
    const node =
      this.around(before, (step) => step.name === name && !step.exitEventId) ??
      last(this.visits.get(name), (each) => isOpen(each) && each.enteredAfter === event.previousEventId) ??
      this.lastOpen(name);
    if (node) this.noteFailure(node, event, "failed");
    return node;
  }

  /** A step failed, for now: a Retrier or a Catcher may follow. */
  private noteFailure(node: Node, event: HistoryEvent, status: "failed" | "timedout"): void {
    const { error, cause } = detailsOf(event);
    node.failure = { eventId: event.id, status, error, cause, origin: node };
    const attempt = this.endAttempt(node, status, event);
    if (attempt) {
      attempt.error = error;
      attempt.cause = cause;
    }
  }

  /** Of a step that failed in a Map or Parallel: it and all around it have failed, up to that. */
  private takeFailure(container: Node, before: Node | undefined, event: HistoryEvent): void {
    const path: Node[] = [];
    for (let node = before; node !== container; node = node.parent) {
      if (!node) return;
      if (!node.step?.exitEventId) path.push(node);
    }
    let failure: Failure | undefined;
    for (const node of path) {
      failure = node.failure ??= failure ?? { eventId: event.id, status: "failed", origin: node };
      this.endChildren(node, "aborted", event);
      if (isOpen(node)) this.close(node, failure.status, event);
    }
    container.failure ??= failure;
  }

  private failExecution(event: HistoryEvent, before: Node | undefined): void {
    const { error, cause } = detailsOf(event);
    const failing = before && !before.step!.exitEventId ? before : last([...this.root.open], () => true);
    if (failing?.step) {
      const failure = (failing.failure ??= { eventId: event.id, status: "failed", origin: failing });
      // A Fail state tells its error here only.
      failure.error ??= error;
      failure.cause ??= cause;
      this.takeFailure(this.root, failing, event);
      this.culprit = failure.origin;
      for (let node: Node | undefined = failure.origin; node?.step; node = node.parent) tell(node);
    }
    this.endChildren(this.root, "aborted", event);
  }

  private endExecution(event: HistoryEvent, status: "timedout" | "aborted"): void {
    if (status === "timedout") {
      let node: Node = this.root;
      while (node.open.size > 0) [node] = node.open;
      if (node.step) {
        const { error, cause } = detailsOf(event);
        node.failure = { eventId: event.id, status, error, cause, origin: node };
        this.culprit = node;
      }
    }
    this.endChildren(this.root, status, event);
  }

  /** All that is open in a step ends with it. */
  private endChildren(container: Node, status: "aborted" | "timedout", event: HistoryEvent): void {
    for (const node of container.open) {
      this.endChildren(node, status, event);
      this.close(node, status, event);
    }
    if (!container.step || !container.iterations) return;
    for (const iteration of container.iterations.values()) {
      if (isOpenIteration(iteration)) endIteration(container.step, iteration, status, event.timestamp);
    }
  }

  /** Ends a step. One that was not left may be opened again. */
  private close(node: Node, status: StepStatus, event: HistoryEvent, isWhole = true): void {
    const { step, parent } = node;
    if (!step || !parent) return;
    if (status === "caught" || status === "failed" || (status === "timedout" && node.failure)) tell(node);
    this.setStatus(step, status);
    step.endedAt = event.timestamp;
    this.endAttempt(node, status === "caught" ? "failed" : status, event);
    // A Map or Parallel that was aborted has steps in it for which the same is still to come.
    if (!isWhole && node.open.size > 0) return;
    if (parent.open.delete(node) && !step.exitEventId) parent.unfinished.push(node);
  }

  private reopenUnfinished(container: Node, event: HistoryEvent): void {
    const again = container.unfinished;
    container.unfinished = [];
    for (const node of again) {
      if (node.step?.exitEventId) continue;
      this.reopenUnfinished(node, event);
      if (node.step?.type === "Wait") this.waitAgain(node.step, event);
      this.reopenOne(node);
      container.open.add(node);
    }
    if (!container.step || !container.iterations) return;
    for (const iteration of container.iterations.values()) {
      if (iteration.status === "succeeded") continue;
      uncountIteration(container.step, iteration);
      iteration.status = "running";
      iteration.endedAt = undefined;
    }
  }

  /** No event tells of a Wait that it begins anew: what it waited before the redrive is an attempt, and so is the rest. */
  private waitAgain(step: Step, { id, timestamp }: HistoryEvent): void {
    const { enteredAt, endedAt, status, error, cause, attempts } = step;
    if (attempts.length === 0) attempts.push({ scheduledEventId: step.id, lastEventId: step.lastEventId, scheduledAt: enteredAt, startedAt: enteredAt, endedAt, status, error, cause });
    this.attempt(step, { scheduledEventId: id, lastEventId: id, scheduledAt: timestamp, startedAt: timestamp, status: "running" });
  }

  private reopenOne(node: Node): void {
    const { step } = node;
    if (!step) return;
    this.setStatus(step, "running");
    step.endedAt = undefined;
    step.error = step.cause = step.failureEventId = undefined;
    node.failure = undefined;
    node.isOver = false;
  }

  /** Something happens in a step that had ended: it and all around it go on. */
  private reopen(node: Node): void {
    for (let each = node; each.step && each.parent; each = each.parent) {
      if (each.step.exitEventId || isOpen(each)) continue;
      this.reopenOne(each);
      const at = each.parent.unfinished.indexOf(each);
      if (at >= 0) each.parent.unfinished.splice(at, 1);
      each.parent.open.add(each);
    }
  }

  private endAttempt(node: Node, status: StepStatus, event: HistoryEvent): Attempt | undefined {
    const attempt = node.step?.attempts.at(-1);
    if (!attempt || attempt.status !== "running") return undefined;
    attempt.status = status;
    attempt.endedAt = event.timestamp;
    attempt.lastEventId = event.id;
    return attempt;
  }

  private setStatus(step: Step, status: StepStatus): void {
    if (step.status === status) return;
    if (!step.isSuperseded) {
      const { statuses } = this.tally(step.name);
      count(statuses, step.status, -1);
      count(statuses, status, 1);
    }
    step.status = status;
  }

  /** All that is in a step was in a go that another one follows: it no longer counts. */
  private supersede(container: Node): void {
    for (const step of container.children) {
      if (step.isSuperseded) continue;
      step.isSuperseded = true;
      const node = this.nodeOf(step.id);
      if (!node) continue;
      const tally = this.tally(step.name);
      tally.visits -= 1;
      tally.retries -= retriesOf(step);
      count(tally.statuses, step.status, -1);
      const before = this.owners[node.enteredAfter];
      if (before?.step && before.parent === container) {
        const { next } = this.tally(before.step.name);
        next.set(step.name, (next.get(step.name) ?? 0) - 1);
      }
      this.supersede(node);
    }
  }

  private tally(name: string): NameTally {
    let tally = this.tallies.get(name);
    if (!tally) this.tallies.set(name, (tally = { statuses: {}, visits: 0, retries: 0, next: new Map() }));
    return tally;
  }

  /** The step itself or the innermost one around it for which something holds. */
  private around(from: Node | undefined, holds: (step: Step, node: Node) => boolean): Node | undefined {
    for (let node = from; node?.step; node = node.parent) if (holds(node.step, node)) return node;
    return undefined;
  }

  /** For an event that does not follow its step's last one, as after a redrive: an open step of a kind. */
  private openAgain(before: Node | undefined, kind: string): Node | undefined {
    const idle = (node: Node) => node.step?.attempts.at(-1)?.status !== "running";
    return openOfKind(before?.parent ?? this.root, kind, idle) ?? openOfKind(this.root, kind, idle);
  }

  private lastOpen(name: string): Node | undefined {
    return last(this.visits.get(name), isOpen);
  }
}

function newNode(step: Step | undefined, parent: Node | undefined, enteredAfter: number): Node {
  return { step, parent, enteredAfter, children: [], byIteration: undefined, iterations: undefined, open: new Set(), unfinished: [], failure: undefined, isOver: false };
}

function newAttempt(event: HistoryEvent, details: EventDetails): Attempt {
  return {
    scheduledEventId: event.id,
    lastEventId: event.id,
    scheduledAt: event.timestamp,
    status: "running",
    resourceType: details.resourceType ?? (event.type.startsWith("Lambda") ? "lambda" : event.type.startsWith("Activity") ? "activity" : undefined),
    resource: details.resource,
  };
}

function isOpen(node: Node): boolean {
  return node.step?.status === "running";
}

function isOpenIteration(iteration: Iteration | undefined): boolean {
  return iteration?.status === "running";
}

/** Writes into a step why it failed. */
function tell({ step, failure }: Node): void {
  if (!step || !failure) return;
  step.error = failure.error;
  step.cause = failure.cause;
  step.failureEventId = failure.eventId;
}

/** The first open step of a kind within a Map or Parallel or the execution. */
function openOfKind(container: Node, kind: string, fits: (node: Node) => boolean): Node | undefined {
  for (const node of container.open) {
    if (node.step!.type === kind && isOpen(node) && fits(node)) return node;
    const inner = node.open.size > 0 ? openOfKind(node, kind, fits) : undefined;
    if (inner) return inner;
  }
  return undefined;
}

function endIteration(step: Step, iteration: Iteration, status: StepStatus, at: number): void {
  uncountIteration(step, iteration);
  iteration.status = status;
  iteration.endedAt = at;
  const counts = step.iterations!;
  if (status === "succeeded") counts.succeeded += 1;
  else if (status === "failed") counts.failed += 1;
  else counts.aborted += 1;
}

function uncountIteration(step: Step, iteration: Iteration): void {
  const counts = step.iterations!;
  if (iteration.status === "succeeded") counts.succeeded -= 1;
  else if (iteration.status === "failed") counts.failed -= 1;
  else if (iteration.status !== "running") counts.aborted -= 1;
}

function last(nodes: readonly Node[] | undefined, fits: (node: Node) => boolean): Node | undefined {
  for (let at = (nodes?.length ?? 0) - 1; at >= 0; at--) if (fits(nodes![at])) return nodes![at];
  return undefined;
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function count(statuses: Partial<Record<StepStatus, number>>, status: StepStatus, by: number): void {
  statuses[status] = (statuses[status] ?? 0) + by;
}
