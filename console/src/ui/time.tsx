/** Moments and durations as people read them. Moments are seconds since the epoch, durations milliseconds. */

import { useSyncExternalStore } from "react";

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const ZONE = new Intl.DateTimeFormat("en", { timeZoneName: "short" });
// Among our own words it speaks their language.
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
// In lists: what is of this year need not say so.
const SAME_YEAR = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const OTHER_YEAR = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** `1.25 s`, `3 m 05 s`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return "0 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, "0")} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

/** How long something took: never nothing, but less than can be told. */
export function formatTaken(ms: number): string {
  return ms < 1 ? "<1 ms" : formatDuration(ms);
}

/** With milliseconds, for events: `14:03:22.123`. */
export function formatClock(seconds: number): string {
  const date = new Date(seconds * 1_000);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** With the day: `Nov 29, 14:03:22.123`. */
export function formatClockAndDay(seconds: number): string {
  return `${DAY.format(new Date(seconds * 1_000))}, ${formatClock(seconds)}`;
}

/** The time zone that moments are shown in, such as `GMT+1`. */
export function formatZone(seconds: number): string {
  return ZONE.formatToParts(new Date(seconds * 1_000)).find(({ type }) => type === "timeZoneName")?.value ?? "";
}

export function formatMoment(seconds: number): string {
  return MOMENT.format(new Date(seconds * 1_000));
}

/** As short as can be, for lists. */
export function formatShortMoment(seconds: number, nowMs: number): string {
  const date = new Date(seconds * 1_000);
  return (date.getFullYear() === new Date(nowMs).getFullYear() ? SAME_YEAR : OTHER_YEAR).format(date);
}

function formatRelative(seconds: number, nowMs: number): string {
  const away = seconds - nowMs / 1_000;
  const size = Math.abs(away);
  if (size < 5) return "just now";
  if (size < 60) return RELATIVE.format(Math.round(away), "second");
  if (size < 3_600) return RELATIVE.format(Math.round(away / 60), "minute");
  if (size < 86_400) return RELATIVE.format(Math.round(away / 3_600), "hour");
  return RELATIVE.format(Math.round(away / 86_400), "day");
}

// One clock for all that shows how time passes.
let tick = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    tick = Date.now();
    listeners.forEach((each) => each());
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The present, in milliseconds since the epoch, to the second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => tick);
}

/** A moment: how long ago, with the date behind it. */
export function Ago({ seconds }: { seconds: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(seconds * 1_000).toISOString()} title={formatMoment(seconds)}>
      {formatRelative(seconds, now)}
    </time>
  );
}

/** A moment as a date. */
export function Moment({ seconds }: { seconds: number }) {
  return <time dateTime={new Date(seconds * 1_000).toISOString()}>{formatMoment(seconds)}</time>;
}

/** A moment as a date, in a list. */
export function ShortMoment({ seconds }: { seconds: number }) {
  return <time dateTime={new Date(seconds * 1_000).toISOString()} title={formatMoment(seconds)}>{formatShortMoment(seconds, Date.now())}</time>;
}

/** How long something took, or has taken until now. */
export function Elapsed({ from, to }: { from: number; to?: number }) {
  return to === undefined ? <Ticking from={from} /> : <>{formatTaken((to - from) * 1_000)}</>;
}

function Ticking({ from }: { from: number }) {
  const now = useNow();
  return <>{formatDuration(Math.max(0, now - from * 1_000))}</>;
}
