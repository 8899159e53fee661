import { expect, test } from "vitest";
import type { RecentFailure } from "../../api/types";
import { groupFailures, normalizedCause, readableCause } from "./causes";

const failure = (error: string | undefined, cause: string | undefined, machine = "a"): RecentFailure => ({
  executionArn: `arn:aws:states:us-east-1:000000000000:execution:${machine}:x`,
  stateMachineArn: `arn:aws:states:us-east-1:000000000000:stateMachine:${machine}`,
  name: "x",
  status: "FAILED",
  startDate: 1,
  stopDate: 2,
  error,
  cause,
});

test("what names one execution is taken out of a cause", () => {
  const same = (a: string, b: string) => expect(normalizedCause(a)).toBe(normalizedCause(b));
  same("The card of order A-1001 was declined", "The card of order B-77 was declined");
  same("no item 'copper kettle' in 3 warehouses", "no item 'tea' in 12 warehouses");
  same("took 1.5 s at 2026-01-02T10:11:12.5Z", "took 22 s at 2025-11-30T01:01:01Z");
  same("request 0b1c2d3e-0000-4000-8000-1234567890ab failed", "request ffffffff-1111-4222-8333-abcdefabcdef failed");
  same("arn:aws:states:us-east-1:000000000000:execution:a:b is gone", "arn:aws:states:eu-west-1:000000000000:execution:c:d is gone");
  expect(normalizedCause("sold out")).not.toBe(normalizedCause("card declined"));
});

test("of a function's error people read the message, also when the rest was cut", () => {
  expect(readableCause('{"errorMessage":"no \\"tea\\" left","errorType":"SoldOut","stackTrace":["a"]}')).toBe('no "tea" left');
  expect(readableCause('{"errorType":"SoldOut","errorMessage":"no tea","stackTrace":["File ')).toBe("no tea");
  expect(readableCause("plain words")).toBe("plain words");
  expect(readableCause('{"Cause":"{\\"errorMessage\\":\\"no tea\\"}","Error":"SoldOut","ExecutionArn":"arn')).toBe("no tea");
  expect(readableCause('{"errorMessage":""}')).toBe('{"errorMessage":""}');
});

test("failures are grouped by error and cause, whichever machine they are of", () => {
  const groups = groupFailures([failure("SoldOut", "no 'tea'"), failure("Declined", "card 1"), failure("SoldOut", "no 'milk'", "b"), failure(undefined, undefined)]);
  expect(groups.map(({ error, cause, failures, machines }) => [error, cause, failures.length, machines.length])).toEqual([
    ["SoldOut", "no 'tea'", 2, 2],
    ["Declined", "card 1", 1, 1],
    ["No error name", undefined, 1, 1],
  ]);
});
