/** Where moments are on the axis of a timeline. */

import { formatDuration } from "../../ui/time";

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
  /** Milliseconds to the next one. */
  step: number;
}

/** Steps that people count in, in milliseconds. */
const STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 14400e3, 21600e3, 43200e3, 86400e3];

/** At most `most` marks on an axis, at round distances from the beginning of everything. */
export function ticksOf({ from, to }: Span, most: number, origin = from): Tick[] {
  const length = Math.max(1, (to - from) * 1_000);
  const day = STEPS_MS[STEPS_MS.length - 1];
  const step = STEPS_MS.find((each) => length / each <= most) ?? Math.ceil(length / most / day) * day;
  const offset = (from - origin) * 1_000;
  const ticks: Tick[] = [];
  for (let ms = Math.ceil(offset / step - 1e-6) * step + 0; ms <= offset + length + 1e-6; ms += step) ticks.push({ at: Math.max(0, (ms - offset) / length), ms, step });
  return ticks;
}

/** As fine as the marks are apart: `1 m 00.250 s`. */
export function tickText({ ms, step }: Tick): string {
  if (ms === 0) return "0";
  if (step >= 1_000 || ms < 1_000) return formatDuration(ms);
  const digits = step >= 100 ? 1 : step >= 10 ? 2 : 3;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(digits)} s`;
  const seconds = ((ms % 60_000) / 1_000).toFixed(digits).padStart(digits + 3, "0");
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} m ${seconds} s` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m ${seconds} s`;
}

/** Nobody has to look nearer than this, in seconds. */
const LENGTH_MIN = 0.002;

/** A span made longer or shorter by a factor; `at` stays where it is. */
export function zoomed({ from, to }: Span, factor: number, at: number): Span {
  const length = Math.max(LENGTH_MIN, (to - from) * factor);
  const part = Math.max(0, Math.min(1, (at - from) / Math.max(1e-9, to - from)));
  return { from: at - part * length, to: at + (1 - part) * length };
}

/** A span moved, and if need be cut, so that it lies within another. */
export function clampSpan(span: Span, whole: Span): Span {
  const length = Math.min(Math.max(LENGTH_MIN, span.to - span.from), Math.max(LENGTH_MIN, whole.to - whole.from));
  const from = Math.max(whole.from, Math.min(span.from, whole.to - length));
  return { from, to: from + length };
}

/** Whether anything of a part is within the span. */
export function isIn(span: Span, from: number, to: number): boolean {
  return to >= span.from && from <= span.to;
}

/** Where a part of the span begins and how wide it is, in per cent. */
export function place(span: Span, from: number, to: number): { left: string; width: string } {
  const length = Math.max(0.001, span.to - span.from);
  const left = Math.max(0, Math.min(1, (from - span.from) / length));
  const right = Math.max(left, Math.min(1, (to - span.from) / length));
  return { left: `${(left * 100).toFixed(3)}%`, width: `${((right - left) * 100).toFixed(3)}%` };
}
