/** The steps of a run as the rows of a tree: as much of it as is unfolded. */

import type { Iteration, RunView, Step } from "../../model/run";
import { chainOf } from "./locate";
import type { TreeRow } from "./virtual-tree";

export type Row = (TreeRow & { kind: "step"; step: Step }) | (TreeRow & { kind: "iteration"; map: Step; iteration: Iteration });

/** What somebody has folded or unfolded by hand, by the key of the row. */
export type Folds = ReadonlyMap<string, boolean>;

/** A Map that has no more iterations than this is unfolded at first. */
const FEW_ITERATIONS = 12;

export const stepKey = (id: number): string => `s${id}`;
export const iterationKey = (map: number, index: number): string => `i${map}.${index}`;

/** Whether a step can have others in it. */
export function hasSteps(step: Step): boolean {
  return step.type === "Map" || step.type === "Parallel";
}

export function rowsOf(run: RunView, folds: Folds): Row[] {
  const rows: Row[] = [];
  const addSteps = (steps: readonly Step[], level: number): void => {
    steps.forEach((step, index) => {
      const key = stepKey(step.id);
      const isExpandable = hasSteps(step);
      const few = step.type !== "Map" || (step.iterations?.total ?? 0) <= FEW_ITERATIONS;
      const isExpanded = isExpandable && (folds.get(key) ?? few);
      rows.push({ kind: "step", key, level, isExpandable, isExpanded, position: index + 1, setSize: steps.length, step });
      if (!isExpanded) return;
      if (step.type !== "Map") addSteps(run.childrenOf(step.id), level + 1);
      else addIterations(step, level + 1);
    });
  };
  const addIterations = (map: Step, level: number): void => {
    const iterations = run.iterationsOf(map.id);
    iterations.forEach((iteration, index) => {
      const key = iterationKey(map.id, iteration.index);
      const isExpanded = folds.get(key) ?? false;
      rows.push({ kind: "iteration", key, level, isExpandable: true, isExpanded, position: index + 1, setSize: iterations.length, map, iteration });
      if (isExpanded) addSteps(run.childrenOf(map.id, iteration.index).filter((step) => !step.isSuperseded), level + 1);
    });
  };
  addSteps(run.childrenOf(undefined), 1);
  return rows;
}

/** The rows to unfold so that a step is seen. */
export function keysAround(run: RunView, step: Step): string[] {
  return chainOf(run, step).flatMap((each) => {
    const keys = each.id === step.id ? [] : [stepKey(each.id)];
    if (each.iteration !== undefined && each.parent !== undefined) keys.unshift(iterationKey(each.parent, each.iteration));
    return keys;
  });
}
