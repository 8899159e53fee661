/** How far the dashboard looks back, and in what steps. */

export interface Period {
  id: string;
  text: string;
  seconds: number;
  /** How long one point of a chart is. */
  pointSeconds: number;
}

export const PERIODS: Period[] = [
  { id: "1h", text: "1 h", seconds: 3_600, pointSeconds: 60 },
  { id: "3h", text: "3 h", seconds: 3 * 3_600, pointSeconds: 180 },
  { id: "24h", text: "24 h", seconds: 86_400, pointSeconds: 1_800 },
  { id: "7d", text: "7 d", seconds: 7 * 86_400, pointSeconds: 3 * 3_600 },
];

export function periodOf(id: string): Period {
  return PERIODS.find((period) => period.id === id) ?? PERIODS[0];
}

/** Points begin at whole multiples of their length, so that a chart does not quiver as time passes. */
export function spanOf(period: Period, nowMs: number): { startTime: number; endTime: number } {
  const endTime = (Math.floor(nowMs / 1_000 / period.pointSeconds) + 1) * period.pointSeconds;
  return { startTime: endTime - period.seconds, endTime };
}
