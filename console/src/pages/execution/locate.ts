/**
 * Which part of a run is looked at: of every state the visits in the iteration that is picked.
 *
 * A state in a Map is visited once for each iteration. One iteration of each Map is looked at at a time:
 * that of the selected step, else the one picked, else the first that failed, else the first.
 */

import type { RunView, Step } from "../../model/run";
import type { States, StateNode } from "./definition";
import type { Selection } from "./selection";

export interface Located {
  node: StateNode;
  /** All visits in the iteration that is looked at, in order. */
  visits: readonly Step[];
  /** The one that is looked at. */
  step?: Step;
  /** Of a Map: the iteration that is looked at. */
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

function firstToLookAt(run: RunView, map: Step): number | undefined {
  const iterations = run.iterationsOf(map.id);
  const wrong = map.iterations && map.iterations.failed > 0 ? iterations.find(({ status }) => status === "failed" || status === "timedout") : undefined;
  return (wrong ?? iterations[0])?.index;
}

export function locate(run: RunView, states: States, selection: Selection): Locations {
  const chain = chainOf(run, selection.step === undefined ? undefined : run.steps.get(selection.step));
  const selected = new Set(chain.map((step) => step.id));
  const around = chain.flatMap((step) => (step.iteration === undefined ? [] : [step.iteration]));
  const located = new Map<string, Located>();
  const walk = (nodes: StateNode[], steps: readonly Step[], depth: number): void => {
    const byName = new Map<string, Step[]>();
    for (const step of steps) {
      const visits = byName.get(step.name);
      if (visits) visits.push(step);
      else byName.set(step.name, [step]);
    }
    for (const node of nodes) {
      const visits = byName.get(node.name) ?? [];
      const step = visits.find(({ id }) => selected.has(id)) ?? visits.at(-1);
      const here: Located = { node, visits, step };
      located.set(node.name, here);
      if (node.children.length === 0) continue;
      if (node.type !== "Map") {
        walk(node.children, step ? run.childrenOf(step.id) : [], depth);
        continue;
      }
      if (step) here.iteration = (selected.has(step.id) ? around[depth] : undefined) ?? pickedOf(run, step, selection.iterations[depth]) ?? firstToLookAt(run, step);
      walk(node.children, step && here.iteration !== undefined ? run.childrenOf(step.id, here.iteration) : [], depth + 1);
    }
  };
  walk(states.roots, run.childrenOf(undefined), 0);
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

/** The selection of another iteration of a Map: the same state in it, if it got there. */
export function pickIteration(run: RunView, states: States, locations: Locations, selection: Selection, mapName: string, index: number): Selection {
  const map = locations.get(mapName);
  if (!map?.step) return selection;
  const outer = iterationsAround(run, map.step);
  const state = selection.state === undefined ? undefined : states.byName.get(selection.state);
  const isInside = state !== undefined && around(state).some(({ name }) => name === mapName);
  const next: Selection = { state: isInside ? state.name : mapName, iterations: [...outer, index] };
  // The visit of the Map itself may be one of several.
  if (!isInside) return { ...next, step: map.step.id };
  return { ...next, step: run.childrenOf(map.step.id, index).findLast(({ name }) => name === state.name)?.id };
}
