import { expect, test } from "vitest";
import type { ExecutionSummary } from "../../api/types";
import { matches, type Filter } from "./filter";

const machine = "arn:aws:states:us-east-1:000000000000:stateMachine:orders";
const execution: ExecutionSummary = {
  executionArn: "arn:aws:states:us-east-1:000000000000:execution:orders:Good-1", stateMachineArn: machine, name: "Good-1", status: "SUCCEEDED", startDate: 100, stopDate: 200,
  stateMachineVersionArn: `${machine}:2`, stateMachineAliasArn: `${machine}:prod`,
};
const found = (filter: Partial<Filter>) => matches(execution, { words: "", status: "", via: "", ...filter });

test("all that is asked for has to be so", () => {
  expect(found({})).toBe(true);
  expect(found({ words: " good ", status: "SUCCEEDED", via: "prod", from: 50, to: 150 })).toBe(true);
  expect(found({ words: "good-1", status: "FAILED" })).toBe(false);
  expect(found({ words: "good-1", from: 101 })).toBe(false);
  expect(found({ words: "good-1", to: 99 })).toBe(false);
  expect(found({ words: "bad" })).toBe(false);
});

test("a version and an alias both name the way it was started", () => {
  expect(found({ via: "2" })).toBe(true);
  expect(found({ via: "1" })).toBe(false);
});
