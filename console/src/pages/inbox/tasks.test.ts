import { expect, test } from "vitest";
import type { WaitingTask } from "../../api/types";
import { choices, deadlineOf, groupTasks, keyOf, matches } from "./tasks";

const task = (members: Partial<WaitingTask> = {}): WaitingTask => ({
  executionArn: "arn:aws:states:us-east-1:000000000000:execution:orders:one",
  stateMachineArn: "arn:aws:states:us-east-1:000000000000:stateMachine:orders",
  stateName: "Approve",
  kind: "CALLBACK",
  resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
  scheduledEventId: 5,
  scheduledDate: 1_000,
  ...members,
});

test("the deadline of a task is near in the last of its time", () => {
  const at = (members: Partial<WaitingTask>, seconds = 1_010) => {
    const found = deadlineOf(task(members), seconds * 1_000);
    return found && `${found.seconds} ${found.urgency}`;
  };
  expect(at({})).toBeUndefined();
  expect(at({ timeoutDate: 9_000 })).toBe("9000 far");
  expect(at({ timeoutDate: 9_000 }, 8_800)).toBe("9000 near");
  expect(at({ timeoutDate: 9_000 }, 9_001)).toBe("9000 over");
  // Of ten minutes the last one is near, not the last five.
  expect(at({ timeoutDate: 1_600 }, 1_400)).toBe("1600 far");
});

test("tasks are narrowed by what they are and by what is in them", () => {
  const all = { search: "", kind: "", machine: "", activity: "", execution: "" };
  expect(matches(task(), all)).toBe(true);
  expect(matches(task(), { ...all, kind: "ACTIVITY" })).toBe(false);
  expect(matches(task(), { ...all, execution: task().executionArn })).toBe(true);
  expect(matches(task({ input: '{"customer":"Ada"}' }), { ...all, search: " ada " })).toBe(true);
  expect(matches(task(), { ...all, search: "ada" })).toBe(false);
});

test("groups begin with the task that waits longest", () => {
  const other = "arn:aws:states:us-east-1:000000000000:stateMachine:invoices";
  const tasks = [task({ scheduledDate: 30, scheduledEventId: 1 }), task({ scheduledDate: 10, stateMachineArn: other }), task({ scheduledDate: 20, scheduledEventId: 2 })];
  const groups = groupTasks(tasks);
  expect(groups.map((group) => group.tasks.map(({ scheduledDate }) => scheduledDate))).toEqual([[10], [20, 30]]);
  expect(choices(tasks, (each) => each.stateMachineArn).map(({ name }) => name)).toEqual(["invoices", "orders"]);
  expect(new Set(tasks.map(keyOf)).size).toBe(3);
});
