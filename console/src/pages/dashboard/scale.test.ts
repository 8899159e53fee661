import { expect, test } from "vitest";
import { formatCount, moments, ticks } from "./scale";
import { PERIODS, spanOf } from "./periods";

test("scales have round lines up to what is highest, whole ones for counts", () => {
  expect(ticks(0, 3, "number")).toEqual([0, 1]);
  expect(ticks(1, 3, "number")).toEqual([0, 1]);
  expect(ticks(7, 3, "number")).toEqual([0, 5, 10]);
  expect(ticks(1_200, 3, "number")).toEqual([0, 500, 1_000, 1_500]);
  expect(ticks(0, 3, "ms")).toEqual([0, 0.5]);
  expect(ticks(2_600, 3, "ms")).toEqual([0, 1_000, 2_000, 3_000]);
  expect(ticks(400_000, 3, "ms")).toEqual([0, 300_000, 600_000]);
});

test("large counts are short", () => {
  expect([0, 9_999, 12_345, 250_000, 1_500_000].map(formatCount)).toEqual(["0", "9,999", "12.3k", "250k", "1.5M"]);
});

test("moments are round and lie within", () => {
  const found = moments(1_767_225_660, 1_767_225_660 + 3_600, 6);
  expect(found.map(({ text }) => text.slice(3))).toEqual(["10", "20", "30", "40", "50", "00"]);
  expect(found.every(({ at }) => at >= 0 && at < 1)).toBe(true);
});

test("a period is a whole number of points and ends after now", () => {
  for (const period of PERIODS) {
    const { startTime, endTime } = spanOf(period, 1_767_225_661_000);
    expect((endTime - startTime) % period.pointSeconds).toBe(0);
    expect(startTime % period.pointSeconds).toBe(0);
    expect(endTime).toBeGreaterThan(1_767_225_661);
  }
});
