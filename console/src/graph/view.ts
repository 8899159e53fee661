/**
 * What of a run each part of the graph shows.
 *
 * A run changes ten times a second, and a machine may have a thousand states. So nobody draws the graph
 * anew: every state and transition that is in sight asks for its own few facts, as one string, and is
 * drawn again if that is another one.
 */

import { retriesOf, type IterationCounts, type RunView, type Step, type StepStatus } from "../model/run";

/** One iteration of a Map's step, shown instead of all of them. */
export interface IterationOf {
  /** The id of the Map's step. */
  step: number;
  iteration: number;
}

export type Difference = "added" | "removed" | "changed";

export interface NodeView {
  /** None: it was not entered, or there is no run. */
  status?: StepStatus;
  visits: number;
  retries: number;
  /** Some visit was caught, though the status is another one. */
  caught: boolean;
  iterations?: IterationCounts;
  /** Of the only visit. */
  enteredAt?: number;
  endedAt?: number;
}

/** Where a state is: what its facts depend on. */
export interface NodePlace {
  name: string;
  /** The names of the Maps around it, from the outermost. */
  maps: readonly string[];
}

/** What is shown of many visits together: the first of these that there is. */
const WORST_FIRST: StepStatus[] = ["failed", "timedout", "running", "caught", "aborted", "succeeded"];

const NOTHING: NodeView = { visits: 0, retries: 0, caught: false };

export class GraphView {
  private run: RunView | undefined;
  private version = -1;
  private iterationsOf: readonly IterationOf[] = [];
  private selected: string | undefined;
  private differences: ReadonlyMap<string, Difference> | undefined;
  private mapName: string | undefined;
  private inIteration = new Map<string, Step[]>();
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Says what is to be shown now. The iterations are those of Maps in one another, outermost first. */
  show(run: RunView | undefined, iterationsOf: readonly IterationOf[], selected: string | undefined, differences: ReadonlyMap<string, Difference> | undefined): void {
    const isSame =
      run === this.run &&
      (run?.version ?? -1) === this.version &&
      isSameChoice(iterationsOf, this.iterationsOf) &&
      selected === this.selected &&
      differences === this.differences;
    if (isSame) return;
    this.run = run;
    this.version = run?.version ?? -1;
    this.iterationsOf = iterationsOf;
    this.selected = selected;
    this.differences = differences;
    this.readIteration();
    this.listeners.forEach((listener) => listener());
  }

  get hasRun(): boolean {
    return this.run !== undefined;
  }

  isSelected(name: string): boolean {
    return this.selected === name;
  }

  differenceOf(name: string): Difference | undefined {
    return this.differences?.get(name);
  }

  nodeView(place: NodePlace): NodeView {
    const { run } = this;
    if (!run) return NOTHING;
    if (this.isInIteration(place)) return viewOf(this.inIteration.get(place.name) ?? []);
    const tally = run.tallyOf(place.name);
    if (!tally || tally.visits === 0) return NOTHING;
    const visits = run.visitsOf(place.name);
    const last = visits.findLast(isCurrent) ?? visits[visits.length - 1];
    const { statuses } = tally;
    const status = place.maps.length === 0 ? last.status : WORST_FIRST.find((each) => (statuses[each] ?? 0) > 0);
    return {
      status,
      visits: tally.visits,
      retries: tally.retries,
      caught: status !== "caught" && (statuses.caught ?? 0) > 0,
      iterations: last.iterations && tally.visits > 1 ? sum(visits) : last.iterations,
      ...(tally.visits === 1 ? { enteredAt: last.enteredAt, endedAt: last.endedAt } : {}),
    };
  }

  /** Whether a transition was taken. `to` is undefined for the end. */
  isTaken(from: NodePlace | undefined, to: NodePlace | undefined, kind: string): boolean {
    const { run } = this;
    if (!run) return false;
    if (!from) return to !== undefined && this.nodeView(to).visits > 0;
    if (this.isInIteration(from)) {
      const steps = this.inIteration.get(from.name) ?? [];
      if (!to) return steps.some((step) => step.status === "succeeded" || step.type === "Fail");
      const status = kind === "catch" ? "caught" : "succeeded";
      const left = (this.inIteration.get(to.name) ?? []).map((step) => run.stepOf(run.events[step.id - 1]?.previousEventId ?? 0));
      return left.some((step) => step?.name === from.name && step.status === status);
    }
    const tally = run.tallyOf(from.name);
    if (!tally) return false;
    if (!to) return (tally.statuses.succeeded ?? 0) > 0 || run.visitsOf(from.name)[0]?.type === "Fail";
    return (tally.next.get(to.name) ?? 0) > 0 && (tally.statuses[kind === "catch" ? "caught" : "succeeded"] ?? 0) > 0;
  }

  private isInIteration(place: NodePlace): boolean {
    return this.mapName !== undefined && place.maps.includes(this.mapName);
  }

  private readIteration(): void {
    this.inIteration = new Map();
    const { run, iterationsOf } = this;
    this.mapName = iterationsOf[0] && run?.steps.get(iterationsOf[0].step)?.name;
    if (!run || this.mapName === undefined) return;
    const picked = new Map(iterationsOf.map((choice) => [run.steps.get(choice.step)?.name, choice]));
    const read = (steps: readonly Step[]) => {
      for (const step of steps) {
        if (!isCurrent(step)) continue;
        const list = this.inIteration.get(step.name);
        if (list) list.push(step);
        else this.inIteration.set(step.name, [step]);
        if (step.type !== "Map" && step.type !== "Parallel") continue;
        // Of a Map of which one iteration is looked at, nothing else is shown.
        const choice = picked.get(step.name);
        if (!choice || choice.step === step.id) read(run.childrenOf(step.id, choice?.iteration));
      }
    };
    read(run.childrenOf(iterationsOf[0].step, iterationsOf[0].iteration));
  }
}

const isCurrent = (step: Step): boolean => !step.isSuperseded;

function isSameChoice(one: readonly IterationOf[], other: readonly IterationOf[]): boolean {
  return one.length === other.length && one.every(({ step, iteration }, at) => step === other[at].step && iteration === other[at].iteration);
}

function viewOf(steps: readonly Step[]): NodeView {
  const last = steps[steps.length - 1];
  if (!last) return NOTHING;
  const status = WORST_FIRST.find((each) => steps.some((step) => step.status === each));
  return {
    status,
    visits: steps.length,
    retries: steps.reduce((count, step) => count + retriesOf(step), 0),
    caught: status !== "caught" && steps.some((step) => step.status === "caught"),
    iterations: last.iterations && steps.length > 1 ? sum(steps) : last.iterations,
    ...(steps.length === 1 ? { enteredAt: last.enteredAt, endedAt: last.endedAt } : {}),
  };
}

/** The iterations of several visits of a Map, added up. */
export function sum(steps: readonly Step[]): IterationCounts {
  const all: IterationCounts = { total: 0, started: 0, succeeded: 0, failed: 0, aborted: 0 };
  for (const { iterations, isSuperseded } of steps) {
    if (!iterations || isSuperseded) continue;
    for (const key of Object.keys(all) as (keyof IterationCounts)[]) all[key] += iterations[key];
  }
  return all;
}

/** `12 of 1000, 3 failed`. */
export function describeIterations({ total, succeeded, failed, aborted }: IterationCounts): string {
  const parts = [`${succeeded.toLocaleString()} of ${total.toLocaleString()}`];
  if (failed > 0) parts.push(`${failed.toLocaleString()} failed`);
  if (aborted > 0) parts.push(`${aborted.toLocaleString()} aborted`);
  return parts.join(", ");
}
