/**
 * A small chart over time: bars that stand on each other, or lines. What is under the pointer, or where
 * the arrow keys have gone, is read out in the legend; the same numbers are there as a table.
 */

import { useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { Button } from "../../ui/parts";
import { formatCount, moments, ticks } from "./scale";
import { formatDuration, formatTaken } from "../../ui/time";

export interface Series {
  name: string;
  /** A token of a colour, such as `--failed`. */
  colour: string;
  /** What tells it apart without colour: how bars are filled, or how a line is drawn. */
  pattern?: "plain" | "hatched" | "dotted" | "crossed" | "dashed";
  values: (number | undefined)[];
}

export interface ChartProps {
  title: string;
  kind: "bars" | "lines";
  unit: "number" | "ms";
  series: Series[];
  /** What is said of a series while nothing is pointed at: what it adds up to, or how it is now. */
  summary: (series: Series) => string;
  startTime: number;
  pointSeconds: number;
}

const HEIGHT = 128;
const PAD = { left: 46, right: 6, top: 8, bottom: 20 };
const PLOT_HEIGHT = HEIGHT - PAD.top - PAD.bottom;

export function Chart(props: ChartProps) {
  const { title, unit, series, summary, startTime, pointSeconds } = props;
  const [at, setAt] = useState<number>();
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  const count = series[0].values.length;
  const write = (value: number | undefined) => (value === undefined ? "–" : unit === "ms" ? formatTaken(value) : formatCount(value));
  const shownAt = at !== undefined && at < count ? at : undefined;
  return (
    <section className="card chart" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <span className="small muted when">{shownAt !== undefined && formatSpan(startTime + shownAt * pointSeconds, pointSeconds)}</span>
        <Button kind="quiet" small aria-pressed={asTable} aria-label={`${title} as a table`} onClick={() => setAsTable(!asTable)}>Table</Button>
      </header>
      <ul className="chart-legend">
        {series.map((each) => (
          <li key={each.name}>
            <Swatch series={each} kind={props.kind} />
            {each.name} <strong>{shownAt === undefined ? summary(each) : write(each.values[shownAt])}</strong>
          </li>
        ))}
      </ul>
      {asTable ? <Table {...props} write={write} /> : <Plot {...props} at={shownAt} setAt={setAt} write={write} />}
    </section>
  );
}

function formatSpan(from: number, seconds: number): string {
  const date = new Date(from * 1_000);
  const clock = (moment: Date) => moment.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = seconds >= 3_600 ? `${date.toLocaleDateString(undefined, { month: "short", day: "numeric" })}, ` : "";
  return `${day}${clock(date)}–${clock(new Date((from + seconds) * 1_000))}`;
}

type Inner = ChartProps & { write: (value: number | undefined) => string };

function Plot({ title, kind, unit, series, startTime, pointSeconds, at, setAt, write }: Inner & { at?: number; setAt: (at: number | undefined) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(480);
  const id = useId().replaceAll(":", "");
  useLayoutEffect(() => {
    const watched = box.current;
    if (!watched) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(160, watched.clientWidth)));
    observer.observe(watched);
    return () => observer.disconnect();
  }, []);

  const count = series[0].values.length;
  const plotWidth = width - PAD.left - PAD.right;
  const sums = Array.from({ length: count }, (_, index) => {
    const values = series.map((each) => each.values[index] ?? 0);
    return kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  });
  const lines = ticks(Math.max(...sums), 3, unit);
  const top = lines[lines.length - 1];
  const y = (value: number) => PAD.top + PLOT_HEIGHT * (1 - value / top);
  const x = (index: number) => PAD.left + (plotWidth * index) / count;
  const slot = plotWidth / count;

  const point = (event: PointerEvent) => {
    const index = Math.floor((event.clientX - (box.current?.getBoundingClientRect().left ?? 0) - PAD.left) / slot);
    setAt(index >= 0 && index < count ? index : undefined);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowLeft: (at ?? count) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: count - 1 }[event.key];
    if (event.key === "Escape") setAt(undefined);
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.min(count - 1, Math.max(0, to)));
  };
  const readout = at === undefined ? "" : `${formatSpan(startTime + at * pointSeconds, pointSeconds)}: ${series.map((each) => `${each.name} ${write(each.values[at])}`).join(", ")}`;

  return (
    <div
      ref={box}
      className="plot"
      role="slider"
      aria-label={`${title} over time`}
      aria-valuemin={0}
      aria-valuemax={count - 1}
      aria-valuenow={at ?? count - 1}
      aria-valuetext={readout || "Nothing chosen; the arrow keys read out one moment after the other"}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onBlur={() => setAt(undefined)}
      onPointerMove={point}
      onPointerLeave={() => setAt(undefined)}
    >
      <svg width={width} height={HEIGHT} aria-hidden="true">
        <defs>{series.map((each, index) => <Fill key={each.name} id={`${id}-${index}`} series={each} />)}</defs>
        {lines.map((line) => (
          <g key={line}>
            <line className={line === 0 ? "axis" : "grid"} x1={PAD.left} x2={width - PAD.right} y1={Math.round(y(line)) + 0.5} y2={Math.round(y(line)) + 0.5} />
            <text className="tick" x={PAD.left - 6} y={y(line) + 4} textAnchor="end">{unit === "ms" ? shortDuration(line) : formatCount(line)}</text>
          </g>
        ))}
        {moments(startTime, startTime + count * pointSeconds, plotWidth / 64).map((moment) => (
          <text key={moment.at} className="tick" x={PAD.left + plotWidth * moment.at} y={HEIGHT - 5} textAnchor={moment.at < 0.03 ? "start" : moment.at > 0.97 ? "end" : "middle"}>{moment.text}</text>
        ))}
        {at !== undefined && <rect className="cursor" x={x(at)} y={PAD.top} width={slot} height={PLOT_HEIGHT} />}
        {kind === "bars" ? <Bars series={series} x={x} y={y} slot={slot} id={id} /> : series.map((each) => <Line key={each.name} series={each} x={x} y={y} slot={slot} at={at} />)}
      </svg>
    </div>
  );
}

const shortDuration = (ms: number) => (ms === 0 ? "0" : formatDuration(ms).replace(/\.0+ /, " ").replace(/(\.\d)0 /, "$1 ").replace(/ 00? ?[smh]$/, ""));

interface Scales {
  x: (index: number) => number;
  y: (value: number) => number;
  slot: number;
}

function Bars({ series, x, y, slot, id }: Scales & { series: Series[]; id: string }) {
  const gap = slot > 5 ? 1.5 : slot > 2.5 ? 0.75 : 0;
  const below = series[0].values.map(() => 0);
  return series.map((each, index) =>
    each.values.map((value, place) => {
      if (!value) return null;
      const from = below[place];
      below[place] += value;
      const height = Math.max(1, y(from) - y(from + value));
      return <rect key={`${each.name} ${place}`} x={x(place) + gap / 2} width={slot - gap} y={y(from) - height} height={height} fill={fillOf(each, `${id}-${index}`)} stroke={`var(${each.colour})`} strokeWidth={each.pattern && each.pattern !== "plain" ? 0.75 : 0} />;
    }),
  );
}

/** A line that breaks where there is nothing to say. */
function Line({ series, x, y, slot, at }: Scales & { series: Series; at?: number }) {
  let path = "";
  let open = false;
  const lone: number[] = [];
  series.values.forEach((value, index) => {
    if (value === undefined) {
      open = false;
      return;
    }
    path += `${open ? "L" : "M"}${(x(index) + slot / 2).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!open && series.values[index + 1] === undefined) lone.push(index);
    open = true;
  });
  const pointed = at === undefined ? undefined : series.values[at];
  return (
    <g style={{ color: `var(${series.colour})` }}>
      <path d={path} fill="none" stroke="currentColor" strokeWidth={1.75} strokeLinejoin="round" strokeDasharray={series.pattern === "dashed" ? "5 3" : undefined} />
      {lone.map((index) => <circle key={index} cx={x(index) + slot / 2} cy={y(series.values[index] ?? 0)} r={2} fill="currentColor" />)}
      {at !== undefined && pointed !== undefined && <circle cx={x(at) + slot / 2} cy={y(pointed)} r={3.5} fill="currentColor" />}
    </g>
  );
}

const fillOf = (series: Series, id: string) => (series.pattern && series.pattern !== "plain" ? `url(#${id})` : `var(${series.colour})`);

function Fill({ id, series }: { id: string; series: Series }) {
  const colour = `var(${series.colour})`;
  const soft = <rect width="6" height="6" fill={`var(${series.colour}-soft)`} />;
  switch (series.pattern) {
    case "hatched":
      return <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">{soft}<rect width="3.4" height="6" fill={colour} /></pattern>;
    case "dotted":
      return <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse">{soft}<circle cx="3" cy="3" r="1.7" fill={colour} /></pattern>;
    case "crossed":
      return <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse">{soft}<path d="M0 0L6 6M6 0L0 6" stroke={colour} strokeWidth="1.2" /></pattern>;
    default:
      return null;
  }
}

function Swatch({ series, kind }: { series: Series; kind: ChartProps["kind"] }) {
  const id = useId().replaceAll(":", "");
  return (
    <svg width="14" height="10" aria-hidden="true" style={{ color: `var(${series.colour})` }}>
      <defs><Fill id={id} series={series} /></defs>
      {kind === "bars" ? (
        <rect x="0.5" y="0.5" width="13" height="9" rx="1.5" fill={fillOf(series, id)} stroke="currentColor" />
      ) : (
        <line x1="0" x2="14" y1="5" y2="5" stroke="currentColor" strokeWidth="2" strokeDasharray={series.pattern === "dashed" ? "4 2" : undefined} />
      )}
    </svg>
  );
}

/** The same numbers, newest first; what has none is left out. */
function Table({ title, series, startTime, pointSeconds, write }: Inner) {
  const rows = series[0].values.map((_, index) => index).filter((index) => series.some((each) => each.values[index])).toReversed();
  return (
    <div className="numbers" tabIndex={0} role="region" aria-label={`Numbers of ${title}`}>
      <table className="table">
        <thead><tr><th scope="col">Time</th>{series.map((each) => <th key={each.name} scope="col" className="number">{each.name}</th>)}</tr></thead>
        <tbody>
          {rows.map((index) => (
            <tr key={index}>
              <th scope="row">{formatSpan(startTime + index * pointSeconds, pointSeconds)}</th>
              {series.map((each) => <td key={each.name} className="number">{write(each.values[index])}</td>)}
            </tr>
          ))}
          {rows.length === 0 && <tr><td colSpan={series.length + 1} className="muted">Nothing happened in this period.</td></tr>}
        </tbody>
      </table>
    </div>
  );
}
