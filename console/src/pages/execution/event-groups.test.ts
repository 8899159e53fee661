import { expect, it } from "vitest";
import { filterEvents, GROUPS } from "./event-groups";

const TYPES = ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapIterationStarted", "TaskStateEntered", "TaskScheduled", "LambdaFunctionFailed", "MapIterationFailed", "ExecutionFailed", "TaskStateAborted"];
const EVENTS = TYPES.map((type, index) => ({ id: index + 1, previousEventId: index, timestamp: 0, type }));
const of = (group: string, text = "") => filterEvents(EVENTS, group, text, ({ id }) => (id === 5 ? "Charge" : "")).map(({ type }) => type);

it("groups events by what they are about", () => {
  expect(of("tasks")).toEqual(["TaskScheduled", "LambdaFunctionFailed"]);
  expect(of("maps")).toEqual(["MapStateStarted", "MapIterationStarted", "MapIterationFailed"]);
  expect(of("states")).toEqual(["MapStateEntered", "TaskStateEntered"]);
  expect(of("failures")).toEqual(["LambdaFunctionFailed", "MapIterationFailed", "ExecutionFailed", "TaskStateAborted"]);
  expect(GROUPS.map(({ id }) => id)).toEqual(["failures", "execution", "states", "tasks", "maps"]);
});

it("finds events by type, state and id, and all without a filter", () => {
  expect(of("", "charge")).toEqual(["TaskStateEntered"]);
  expect(of("", "#2")).toEqual(["MapStateEntered"]);
  expect(filterEvents(EVENTS, "", " ", () => "")).toBe(EVENTS);
});
