import { expect, it } from "vitest";
import { clampSpan, place, tickText, ticksOf, zoomed } from "./time-axis";

it("marks round distances, never too many", () => {
  expect(ticksOf({ from: 100, to: 104.2 }, 6).map(({ ms }) => ms)).toEqual([0, 1000, 2000, 3000, 4000]);
  expect(ticksOf({ from: 0, to: 0 }, 6)).toHaveLength(2);
  expect(ticksOf({ from: 0, to: 86_400 * 365 }, 6).length).toBeLessThanOrEqual(7);
});

it("keeps bars on the axis", () => {
  expect(place({ from: 10, to: 20 }, 15, 30)).toEqual({ left: "50.000%", width: "50.000%" });
  expect(place({ from: 10, to: 20 }, 5, 8)).toEqual({ left: "0.000%", width: "0.000%" });
});

it("zooms around a moment and stays within the whole", () => {
  expect(zoomed({ from: 0, to: 10 }, 0.5, 8)).toEqual({ from: 4, to: 9 });
  expect(clampSpan({ from: -3, to: 1 }, { from: 0, to: 10 })).toEqual({ from: 0, to: 4 });
  expect(clampSpan({ from: 8, to: 30 }, { from: 0, to: 10 })).toEqual({ from: 0, to: 10 });
});

it("marks what is zoomed in as finely as it has to", () => {
  const ticks = ticksOf({ from: 160.01, to: 160.06 }, 6, 100);
  expect(ticks.map(({ ms }) => Math.round(ms))).toEqual([60_010, 60_020, 60_030, 60_040, 60_050, 60_060]);
  expect(tickText(ticks[0])).toBe("1 m 00.01 s");
});
