import { expect, it } from "vitest";
import { place, ticksOf } from "./time-axis";

it("marks round distances, never too many", () => {
  expect(ticksOf({ from: 100, to: 104.2 }, 6).map(({ ms }) => ms)).toEqual([0, 1000, 2000, 3000, 4000]);
  expect(ticksOf({ from: 0, to: 0 }, 6)).toHaveLength(2);
  expect(ticksOf({ from: 0, to: 86_400 * 365 }, 6).length).toBeLessThanOrEqual(7);
});

it("keeps bars on the axis", () => {
  expect(place({ from: 10, to: 20 }, 15, 30)).toEqual({ left: "50.000%", width: "50.000%" });
  expect(place({ from: 10, to: 20 }, 5, 8)).toEqual({ left: "0.000%", width: "0.000%" });
});
