/**
 * Which part of a run is looked at: of every state its visits there.
 *
 * A state in a Map is visited once for each iteration. Of each Map all iterations are looked at together,
 * or one: that of the selected step, else the one that is picked.
 */

import type { RunView, Step, StepStatus } from "../../model/run";
import type { States, StateNode } from "./definition";
import type { Selection } from "./selection";

export interface Located {
  node: StateNode;
  /** All visits in what is looked at, in order. */
  visits: readonly Step[];
  /** The visit that is looked at; of several iterations together the one that tells most. */
  step?: Step;
  /** Whether the visits are of several iterations. */
  isTogether: boolean;
  /** Of a Map: the iteration that is looked at; without one, all together. */
  iteration?: number;
}

/** Every state, and what there is of it. */
export type Locations = ReadonlyMap<string, Located>;

/** The steps around a step, itself included, outermost first. */
export function chainOf(run: RunView, step: Step | undefined): Step[] {
  const chain: Step[] = [];
  for (let at = step; at; at = at.parent === undefined ? undefined : run.steps.get(at.parent)) chain.unshift(at);
  return chain;
}

/** The iterations that a step is in, outermost first. */
export function iterationsAround(run: RunView, step: Step | undefined): number[] {
  return chainOf(run, step).flatMap((each) => (each.iteration === undefined ? [] : [each.iteration]));
}

/** Whether no later go at what is around it has made it obsolete. */
const isCurrent = (step: Step): boolean => !step.isSuperseded;

/** Of visits in several iterations, what somebody wants to see first. */
const TELLING: StepStatus[] = ["failed", "timedout", "running", "caught", "aborted", "succeeded"];

function mostTelling(visits: readonly Step[]): Step | undefined {
  for (const status of TELLING) {
    const found = visits.find((step) => step.status === status);
    if (found) return found;
  }
  return undefined;
}

/** The step of a status that was entered last: of those in one another the innermost. */
export function lastOf(run: RunView, status?: StepStatus): Step | undefined {
  return [...run.steps.values()].findLast((step) => (status === undefined || step.status === status) && isCurrent(step));
}

/** The visit of a state that only its name is known of. */
export function visitToShow(run: RunView, name: string): Step | undefined {
  const all = run.visitsOf(name);
  const visits = all.some(isCurrent) ? all.filter(isCurrent) : all;
  const last = visits.at(-1);
  return last?.iteration === undefined && (last?.parent === undefined || iterationsAround(run, last).length === 0) ? last : mostTelling(visits);
}

export function locate(run: RunView, states: States, selection: Selection): Locations {
  const chain = chainOf(run, selection.step === undefined ? undefined : run.steps.get(selection.step));
  const selected = new Set(chain.map((step) => step.id));
  const around = chain.flatMap((step) => (step.iteration === undefined ? [] : [step.iteration]));
  const located = new Map<string, Located>();
  const walk = (nodes: StateNode[], steps: readonly Step[], depth: number, isTogether: boolean): void => {
    const byName = new Map<string, Step[]>();
    for (const step of steps) {
      if (!isCurrent(step) && !selected.has(step.id)) continue;
      const visits = byName.get(step.name);
      if (visits) visits.push(step);
      else byName.set(step.name, [step]);
    }
    for (const node of nodes) {
      const visits = byName.get(node.name) ?? [];
      const step = isTogether ? mostTelling(visits) : (visits.find(({ id }) => selected.has(id)) ?? visits.at(-1));
      const here: Located = { node, visits, step, isTogether };
      located.set(node.name, here);
      if (node.children.length === 0) continue;
      const isMap = node.type === "Map";
      const inner = isTogether ? visits : step ? [step] : [];
      if (isMap && !isTogether && step) here.iteration = (selected.has(step.id) ? around[depth] : undefined) ?? pickedOf(run, step, selection.iterations[depth]);
      const inside = inner.flatMap(({ id }) => run.childrenOf(id, here.iteration));
      walk(node.children, inside, isMap ? depth + 1 : depth, isTogether || (isMap && here.iteration === undefined));
    }
  };
  walk(states.roots, run.childrenOf(undefined), 0, false);
  return located;
}

function pickedOf(run: RunView, map: Step, index: number | undefined): number | undefined {
  if (index === undefined) return undefined;
  return run.iterationsOf(map.id).some((iteration) => iteration.index === index) ? index : undefined;
}

/** The states around a state, outermost first, itself not included. */
export function around(node: StateNode): StateNode[] {
  const found: StateNode[] = [];
  for (let at = node.parent; at; at = at.parent) found.unshift(at);
  return found;
}

/** The selection of another iteration of a Map, or of all: the same state in it, if it got there. */
export function pickIteration(run: RunView, states: States, locations: Locations, selection: Selection, mapName: string, index: number | undefined): Selection {
  const map = locations.get(mapName);
  if (!map?.step) return selection;
  const outer = iterationsAround(run, map.step);
  if (index === undefined) return { state: mapName, step: map.step.id, iterations: outer };
  const state = selection.state === undefined ? undefined : states.byName.get(selection.state);
  const isInside = state !== undefined && around(state).some(({ name }) => name === mapName);
  const next: Selection = { state: isInside ? state.name : mapName, iterations: [...outer, index] };
  // The visit of the Map itself may be one of several.
  if (!isInside) return { ...next, step: map.step.id };
  return { ...next, step: run.childrenOf(map.step.id, index).findLast((step) => step.name === state.name && isCurrent(step))?.id };
}
