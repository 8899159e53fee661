/** Where moments are on the axis of a timeline. */

export interface Span {
  /** Seconds since the epoch. */
  from: number;
  to: number;
}

export interface Tick {
  /** From 0 to 1. */
  at: number;
  /** Milliseconds since the beginning. */
  ms: number;
}

/** Steps that people count in, in milliseconds. */
const STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 14400e3, 21600e3, 43200e3, 86400e3];

/** At most `most` marks on an axis, at round distances from its beginning. */
export function ticksOf({ from, to }: Span, most: number): Tick[] {
  const length = Math.max(1, (to - from) * 1_000);
  const day = STEPS_MS[STEPS_MS.length - 1];
  const step = STEPS_MS.find((each) => length / each <= most) ?? Math.ceil(length / most / day) * day;
  const ticks: Tick[] = [];
  for (let ms = 0; ms <= length; ms += step) ticks.push({ at: ms / length, ms });
  return ticks;
}

/** Where a part of the span begins and how wide it is, in per cent. */
export function place(span: Span, from: number, to: number): { left: string; width: string } {
  const length = Math.max(0.001, span.to - span.from);
  const left = Math.max(0, Math.min(1, (from - span.from) / length));
  const right = Math.max(left, Math.min(1, (to - span.from) / length));
  return { left: `${(left * 100).toFixed(3)}%`, width: `${((right - left) * 100).toFixed(3)}%` };
}
