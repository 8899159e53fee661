import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../api/types";
import { Run } from "../../model/run";
import { readStates } from "./definition";
import { iterationsAround, lastOf, locate, pickIteration, visitToShow } from "./locate";
import { rowsOf } from "./rows";

const STATES = readStates(
  JSON.stringify({
    StartAt: "First",
    States: {
      Each: { Type: "Map", ItemProcessor: { StartAt: "Odd?", States: { "Odd?": { Type: "Choice" }, Store: { Type: "Pass" } } } },
      First: { Type: "Pass" },
    },
  }),
)!;

/** A Map of three iterations, of which the second fails and the third never gets to `Store`. */
function failed(): Run {
  const events: [number, number, string, object?][] = [
    [1, 0, "ExecutionStarted"],
    [2, 0, "PassStateEntered", { name: "First" }],
    [3, 2, "PassStateExited", { name: "First" }],
    [4, 3, "MapStateEntered", { name: "Each" }],
    [5, 4, "MapStateStarted", { length: 3 }],
    [6, 5, "MapIterationStarted", { name: "Each", index: 0 }],
    [7, 5, "MapIterationStarted", { name: "Each", index: 1 }],
    [8, 5, "MapIterationStarted", { name: "Each", index: 2 }],
    [9, 6, "ChoiceStateEntered", { name: "Odd?" }],
    [10, 7, "ChoiceStateEntered", { name: "Odd?" }],
    [11, 8, "ChoiceStateEntered", { name: "Odd?" }],
    [12, 9, "ChoiceStateExited", { name: "Odd?" }],
    [13, 10, "ChoiceStateExited", { name: "Odd?" }],
    [14, 12, "PassStateEntered", { name: "Store" }],
    [15, 13, "PassStateEntered", { name: "Store" }],
    [16, 15, "MapIterationFailed", { name: "Each", index: 1 }],
    [17, 16, "MapIterationAborted", { name: "Each", index: 0 }],
    [18, 16, "MapIterationAborted", { name: "Each", index: 2 }],
    [19, 16, "MapStateFailed"],
    [20, 19, "ExecutionFailed", { error: "E" }],
  ];
  const run = new Run();
  run.append(events.map(([id, previousEventId, type, details]): HistoryEvent => ({ id, previousEventId, type, timestamp: id, someEventDetails: details ?? {} })));
  return run;
}

const NOTHING = { iterations: [] };

describe("the part of a run that is looked at", () => {
  it("is all iterations together where none is picked, of which the worst visit tells most", () => {
    const locations = locate(failed(), STATES, NOTHING);
    expect(locations.get("Each")).toMatchObject({ iteration: undefined, step: { id: 4 }, isTogether: false });
    expect(locations.get("Odd?")?.visits).toHaveLength(3);
    expect(locations.get("Store")).toMatchObject({ isTogether: true, step: { id: 15, status: "failed" } });
    expect(visitToShow(failed(), "Store")?.id).toBe(15);
    expect(visitToShow(failed(), "First")?.id).toBe(2);
  });

  it("is the iteration of the selected step, whatever is picked", () => {
    const run = failed();
    expect(locate(run, STATES, { step: 14, iterations: [2] }).get("Each")?.iteration).toBe(0);
    expect(iterationsAround(run, run.steps.get(14))).toEqual([0]);
  });

  it("has no step of a state that the iteration did not get to", () => {
    const locations = locate(failed(), STATES, { state: "Store", iterations: [2] });
    expect(locations.get("Store")).toMatchObject({ visits: [], step: undefined });
    expect(locations.get("Odd?")?.step?.id).toBe(11);
  });

  it("stays at a state when another iteration is picked", () => {
    const run = failed();
    const selection = { state: "Store", step: 15, iterations: [1] };
    const locations = locate(run, STATES, selection);
    expect(pickIteration(run, STATES, locations, selection, "Each", 0)).toEqual({ state: "Store", step: 14, iterations: [0] });
    expect(pickIteration(run, STATES, locations, selection, "Each", 2)).toEqual({ state: "Store", step: undefined, iterations: [2] });
    expect(pickIteration(run, STATES, locations, selection, "Each", undefined)).toEqual({ state: "Each", step: 4, iterations: [] });
    expect(pickIteration(run, STATES, locations, { state: "First", step: 2, iterations: [] }, "Each", 2)).toEqual({ state: "Each", step: 4, iterations: [2] });
  });
});

it("the last step of a status is the innermost one of what is still current", () => {
  const run = failed();
  expect(lastOf(run, "aborted")?.id).toBe(14);
  expect(lastOf(run, "failed")?.id).toBe(15);
  expect(lastOf(run, "running")).toBeUndefined();
  run.steps.get(14)!.isSuperseded = true;
  expect(lastOf(run, "aborted")?.id).not.toBe(14);
});

it("the rows of a run unfold iterations one by one", () => {
  const shown = (folds: [string, boolean][]) => rowsOf(failed(), new Map(folds)).map((row) => `${"  ".repeat(row.level - 1)}${row.kind === "step" ? row.step.name : `#${row.iteration.index}`}`);
  expect(shown([])).toEqual(["First", "Each", "  #0", "  #1", "  #2"]);
  expect(shown([["i4.1", true]])).toEqual(["First", "Each", "  #0", "  #1", "    Odd?", "    Store", "  #2"]);
  expect(shown([["s4", false]])).toEqual(["First", "Each"]);
});

it("states are shown from the first one on", () => {
  expect(STATES.roots.map(({ name }) => name)).toEqual(["First", "Each"]);
});
