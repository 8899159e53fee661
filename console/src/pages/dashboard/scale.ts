/** The arithmetic of charts: where the lines of a scale stand, and which moments are written below. */

/** Steps that people count in, as parts of a power of ten. */
const STEPS = [1, 2, 5, 10];
/** Steps of durations, in milliseconds: from a minute on they are not decimal. */
const LONG_STEPS_MS = [60_000, 2 * 60_000, 5 * 60_000, 10 * 60_000, 15 * 60_000, 30 * 60_000, 3_600_000, 2 * 3_600_000, 6 * 3_600_000, 12 * 3_600_000, 86_400_000];

/** Lines from 0 to at least `max`, about `count` of them; of whole numbers if these are counted. */
export function ticks(max: number, count: number, unit: "number" | "ms"): number[] {
  const least = unit === "number" ? 1 : 0.001;
  const rough = Math.max(max, unit === "number" ? count : 1) / count;
  let step: number | undefined;
  if (unit === "ms" && rough > 30_000) step = LONG_STEPS_MS.find((each) => each >= rough);
  if (step === undefined) {
    const power = 10 ** Math.floor(Math.log10(rough));
    step = Math.max(least, power * (STEPS.find((each) => each * power >= rough) ?? 10));
  }
  const lines = [0];
  while (lines[lines.length - 1] < max || lines.length < 2) lines.push(lines.length * step);
  return lines;
}

/** `1,200`, `45k`. */
export function formatCount(count: number): string {
  if (count < 10_000) return count.toLocaleString("en");
  if (count < 1_000_000) return `${trim(count / 1_000)}k`;
  return `${trim(count / 1_000_000)}M`;
}

const trim = (number: number) => (number < 100 ? number.toFixed(1).replace(/\.0$/, "") : Math.round(number).toString());

/** Where moments are written below a chart, as parts of its width: a few, at round moments of this place's clock. */
export function moments(startTime: number, endTime: number, most: number): { at: number; text: string }[] {
  const span = endTime - startTime;
  const step = [300, 600, 900, 1_800, 3_600, 7_200, 3 * 3_600, 6 * 3_600, 12 * 3_600, 86_400, 2 * 86_400].find((each) => span / each <= most) ?? 7 * 86_400;
  const offset = new Date(startTime * 1_000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((startTime - offset) / step) * step + offset; at < endTime; at += step) {
    const date = new Date(at * 1_000);
    const two = (number: number) => String(number).padStart(2, "0");
    const text = step >= 86_400 ? date.toLocaleDateString(undefined, { month: "short", day: "numeric" }) : `${two(date.getHours())}:${two(date.getMinutes())}`;
    found.push({ at: (at - startTime) / span, text });
  }
  return found;
}
