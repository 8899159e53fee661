import { expect, test } from "vitest";
import type { ExecutionSummary } from "../../api/types";
import { merge } from "./merge";

function execution(name: string, startDate: number, status: ExecutionSummary["status"]): ExecutionSummary {
  return { executionArn: `arn:${name}`, stateMachineArn: "arn:m", name, status, startDate };
}

test("what is in the head counts, and who started last comes first", () => {
  const head = [execution("ended", 1, "SUCCEEDED"), execution("new", 9, "RUNNING")];
  const older = [[execution("middle", 5, "FAILED"), execution("ended", 1, "RUNNING")]];
  expect(merge(head, older).map((each) => `${each.name} ${each.status}`)).toEqual(["new RUNNING", "middle FAILED", "ended SUCCEEDED"]);
});
