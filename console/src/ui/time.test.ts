import { expect, test } from "vitest";
import { formatDuration, formatShortMoment, formatTaken } from "./time";

test("a list says the year only of what is of another year", () => {
  const now = Date.UTC(2026, 10, 29, 12);
  expect(formatShortMoment(now / 1_000 - 60, now)).not.toContain("2026");
  expect(formatShortMoment(Date.UTC(2025, 5, 1, 12) / 1_000, now)).toContain("2025");
});

test("what took less than a millisecond took some time; a point in time may be at nothing", () => {
  expect([formatTaken(0), formatTaken(0.4), formatTaken(1)]).toEqual(["<1 ms", "<1 ms", "1 ms"]);
  expect(formatDuration(0)).toBe("0 ms");
});
