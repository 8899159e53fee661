import { expect, test, vi } from "vitest";
import { ApiError } from "./errors";

const kept = new Map<string, unknown>();
const call = vi.fn<(operation: string) => Promise<unknown>>();
const listAll = vi.fn<() => Promise<unknown[]>>();
vi.mock("./kept", () => ({ keep: (name: string, value: unknown) => kept.set(name, value), readKept: (name: string) => kept.get(name) }));
vi.mock("./client", () => ({ call }));
vi.mock("./queries", () => ({ listAll }));
const { awaitUntil, definitionOfExpress, rememberStart, startedAt } = await import("./express");

const ask = () => definitionOfExpress("arn:aws:states:us-east-1:000000000000:stateMachine:quick", 10, { steps: new Map() }, new AbortController().signal);

test("a start that is known and the wait for its end are measured by one clock", () => {
  vi.useFakeTimers({ now: 1_000_000 });
  rememberStart("started-here");
  vi.setSystemTime(1_100_000);
  expect(startedAt("started-here")).toBe(1_000_000);
  expect(awaitUntil("started-here")).toBe(1_310_000);
  expect(startedAt("started-elsewhere")).toBeUndefined();
  expect(awaitUntil("started-elsewhere")).toBe(1_410_000);
  vi.useRealTimers();
});

test("whoever may not see revisions is shown the present definition", async () => {
  listAll.mockRejectedValueOnce(new ApiError("AccessDeniedException", "No.", 400));
  call.mockResolvedValueOnce({ definition: "{}" });
  expect(await ask()).toEqual({ definition: "{}", isGuess: true });
  expect(call.mock.lastCall?.[0]).toBe("DescribeStateMachine");
});

test("what else goes wrong with revisions is told", async () => {
  listAll.mockRejectedValueOnce(new ApiError("ServerGone", "Gone.", 0));
  await expect(ask()).rejects.toThrow("Gone.");
});
