/**
 * The steps over time: one bar each, with what it waited for.
 *
 * Within the bar of a task each attempt is drawn: pale while it was scheduled and nobody had started it,
 * full while it was done; the gap before a retry or a redrive is a dotted line. What is marked with the pointer, or
 * chosen with the buttons, has all the room.
 */

import { useEffect, useState } from "react";
import type { Attempt, Iteration, RunView, Step, StepStatus } from "../../model/run";
import { useIsNarrow } from "../../ui/narrow";
import { Icon } from "../../ui/icons";
import { Button, Empty } from "../../ui/parts";
import { stepTone } from "../../ui/status";
import { formatDuration } from "../../ui/time";
import { useRows } from "./folding";
import { iterationKey, stepKey, type Row } from "./rows";
import { isIn, place, tickText, ticksOf, type Span } from "./time-axis";
import { useTimeZoom, type TimeZoom } from "./time-zoom";
import { Fold, VirtualTree } from "./virtual-tree";

interface Props {
  run: RunView;
  version: number;
  startedAt: number;
  /** Not there while it runs. */
  endedAt: number | undefined;
  selected: Step | undefined;
  iteration: number | undefined;
  onStep: (step: Step) => void;
  onIteration: (map: Step, index: number) => void;
}

const GROWS_EVERY_MS = 200;
/** With the name above the bar. */
const ROW_HEIGHT_NARROW = 48;
const TICKS_MAX = 6;
/** Behind this part of the axis there is no room for a label. */
const LABEL_MAX = 0.9;

/** The present while something grows, several times a second. */
function useMoving(isMoving: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1_000);
  useEffect(() => {
    if (!isMoving) return;
    const timer = setInterval(() => setNow(Date.now() / 1_000), GROWS_EVERY_MS);
    return () => clearInterval(timer);
  }, [isMoving]);
  return now;
}

export function Timeline({ run, version, startedAt, endedAt, selected, iteration, onStep, onIteration }: Props) {
  const { rows, onFold } = useRows(run, version, selected);
  const isNarrow = useIsNarrow(820);
  const now = useMoving(endedAt === undefined);
  const last = run.events.at(-1)?.timestamp ?? startedAt;
  const whole: Span = { from: startedAt, to: Math.max(last, endedAt ?? now, startedAt + 0.001) };
  const time = useTimeZoom(whole);
  const { span } = time;
  const ticks = ticksOf(span, TICKS_MAX, startedAt);
  // The label of a mark at the end stands before it, if the one before leaves room.
  const isWide = ticks.length < 4;
  if (rows.length === 0) return <Empty title="No state has been entered yet" />;
  const until = (step: { endedAt?: number }) => step.endedAt ?? (endedAt === undefined ? now : whole.to);
  return (
    <div className={`card timeline ${time.marked ? "marking" : ""}`} {...time.handlers}>
      <Tools time={time} selected={selected} until={until} />
      <VirtualTree
        rows={rows}
        rowHeight={isNarrow ? ROW_HEIGHT_NARROW : undefined}
        label="Steps over time"
        selectedKey={selectedKey(selected, iteration)}
        onSelect={(row) => (row.kind === "step" ? onStep(row.step) : onIteration(row.map, row.iteration.index))}
        onFold={onFold}
        textOf={textOf}
        nameOf={(row) => nameOf(row, startedAt, until)}
        header={
          <div className="axis" role="presentation">
            <span className="timeline-name">Step</span>
            <span className="timeline-bars">
              {ticks.filter(({ at }) => at <= LABEL_MAX || isWide).map((tick) => (
                <span key={tick.ms} className={tick.at > LABEL_MAX ? "tick last" : "tick"} style={{ left: `${tick.at * 100}%` }}>{tickText(tick)}</span>
              ))}
            </span>
          </div>
        }
      >
        {(row) => (
          <>
            <span className="timeline-name">
              <Fold row={row} onFold={onFold} />
              <RowName row={row} />
            </span>
            <span className="timeline-bars" aria-hidden="true">
              {ticks.map(({ at, ms }) => <i key={ms} className="gridline" style={{ left: `${at * 100}%` }} />)}
              {time.marked && <i className="marked" style={{ left: `${time.marked.from * 100}%`, width: `${(time.marked.to - time.marked.from) * 100}%` }} />}
              {row.kind === "step" ? <StepBar step={row.step} span={span} until={until} /> : <IterationBar iteration={row.iteration} span={span} to={until(row.iteration)} />}
            </span>
          </>
        )}
      </VirtualTree>
    </div>
  );
}

export function selectedKey(selected: Step | undefined, iteration: number | undefined): string | undefined {
  if (!selected) return undefined;
  return selected.type === "Map" && iteration !== undefined ? iterationKey(selected.id, iteration) : stepKey(selected.id);
}

export function textOf(row: Row): string {
  return row.kind === "step" ? row.step.name : `Iteration ${row.iteration.index}`;
}

function nameOf(row: Row, startedAt: number, until: (step: { endedAt?: number }) => number): string {
  const thing = row.kind === "step" ? row.step : row.iteration;
  const from = row.kind === "step" ? row.step.enteredAt : row.iteration.startedAt;
  const retries = row.kind === "step" && row.step.attempts.length > 1 ? `, ${row.step.attempts.length} attempts` : "";
  return `${textOf(row)}, ${stepTone(thing.status).text}, ${formatDuration((until(thing) - from) * 1_000)} from ${formatDuration((from - startedAt) * 1_000)}${retries}`;
}

/** What a row is, with how it does: in timeline and table alike. */
export function RowName({ row }: { row: Row }) {
  const tone = stepTone(row.kind === "step" ? row.step.status : row.iteration.status);
  return (
    <>
      <span className="mark" style={{ color: `var(--${tone.tone})` }} title={tone.text}><Icon name={tone.icon} size={13} /></span>
      {row.kind === "step" ? (
        <span className="ellipsis" title={row.step.name}>{row.step.name}</span>
      ) : (
        <span className="ellipsis muted">Iteration <span className="mono">{row.iteration.index}</span></span>
      )}
    </>
  );
}

function Bar({ span, from, to, className, tone, title }: { span: Span; from: number; to: number; className: string; tone: string; title?: string }) {
  if (!isIn(span, from, to)) return null;
  const { left, width } = place(span, from, to);
  return <i className={`bar ${className}`} title={title} style={{ left: `min(${left}, 100% - 2px)`, width, "--tone": `var(--${tone})`, "--tone-soft": `var(--${tone}-soft)` } as React.CSSProperties} />;
}

/** How long it took: behind the bar, or before it where there is no room. */
function Took({ span, from, to }: { span: Span; from: number; to: number }) {
  const length = span.to - span.from;
  const after = (to - span.from) / length;
  const before = (from - span.from) / length;
  const text = formatDuration((to - from) * 1_000);
  // Of what is out of sight it says in which direction.
  if (after < 0) return <span className="took" style={{ left: 0 }}>‹ {text}</span>;
  if (before > 1) return <span className="took" style={{ right: 0 }}>{text} ›</span>;
  if (after <= 0.85) return <span className="took" style={{ left: `${after * 100}%` }}>{text}</span>;
  if (before >= 0.15) return <span className="took" style={{ right: `${(1 - before) * 100}%` }}>{text}</span>;
  return <span className="took on-bar" style={{ right: 4 }}>{text}</span>;
}

function IterationBar({ iteration, span, to }: { iteration: Iteration; span: Span; to: number }) {
  return (
    <>
      <Bar span={span} from={iteration.startedAt} to={to} className="group" tone={stepTone(iteration.status).tone} />
      <Took span={span} from={iteration.startedAt} to={to} />
    </>
  );
}

function StepBar({ step, span, until }: { step: Step; span: Span; until: (step: { endedAt?: number }) => number }) {
  const to = until(step);
  const isGroup = step.type === "Map" || step.type === "Parallel";
  const { attempts } = step;
  const kind = isGroup ? "group" : step.type === "Wait" ? "wait" : "full";
  return (
    <>
      {(isGroup || attempts.length === 0) && <Bar span={span} from={step.enteredAt} to={to} className={kind} tone={barTone(kind, step.status)} />}
      {!isGroup && attempts.map((attempt, at) => <AttemptBar key={attempt.scheduledEventId} attempt={attempt} kind={kind} span={span} to={attempt.endedAt ?? to} next={attempts[at + 1]} goesOn={step.status === "running"} now={to} />)}
      <Took span={span} from={step.enteredAt} to={to} />
    </>
  );
}

/** To wait is no work: it has a tone of its own while all is well. */
function barTone(kind: string, status: StepStatus): string {
  return kind === "wait" && (status === "succeeded" || status === "running") ? "waiting" : stepTone(status).tone;
}

/** An attempt, and the gap before the next one, or until now if there will be one. */
function AttemptBar({ attempt, kind, span, to, next, goesOn, now }: { attempt: Attempt; kind: string; span: Span; to: number; next: Attempt | undefined; goesOn: boolean; now: number }) {
  const { tone, text } = stepTone(attempt.status);
  const started = attempt.startedAt ?? to;
  const waited = next?.scheduledAt ?? (goesOn && (attempt.status === "failed" || attempt.status === "timedout") ? now : undefined);
  return (
    <>
      {waited !== undefined && <Bar span={span} from={to} to={waited} className="gap" tone={next?.isRedrive ? "aborted" : "failed"} title={`${next?.isRedrive ? "Before the redrive" : "Before a retry"}: ${formatDuration((waited - to) * 1_000)}`} />}
      <Bar span={span} from={attempt.scheduledAt} to={started} className="queued" tone={tone} title={`Scheduled, not started: ${formatDuration((started - attempt.scheduledAt) * 1_000)}`} />
      {attempt.startedAt !== undefined && <Bar span={span} from={started} to={to} className={kind} tone={barTone(kind, attempt.status)} title={`${text}: ${formatDuration((to - started) * 1_000)}`} />}
    </>
  );
}

/** So much of the room has a step that is fitted in. */
const FITTED = 0.7;

function Tools({ time, selected, until }: { time: TimeZoom; selected: Step | undefined; until: (step: { endedAt?: number }) => number }) {
  const step = selected && { from: selected.enteredAt, to: until(selected) };
  const middle = step && isIn(time.span, step.from, step.to) ? (Math.max(step.from, time.span.from) + Math.min(step.to, time.span.to)) / 2 : undefined;
  const fit = () => {
    if (!step) return;
    const around = Math.max(0.005, ((step.to - step.from) * (1 / FITTED - 1)) / 2);
    time.show({ from: step.from - around, to: step.to + around });
  };
  return (
    <div className="timeline-tools">
      <Legend />
      <div className="row zoom" role="group" aria-label="Part of the time">
        <Button kind="quiet" small icon="minus" aria-label="Zoom out" title="Zoom out (Ctrl and wheel)" disabled={!time.isZoomed} onClick={() => time.zoom(2)} />
        <Button kind="quiet" small icon="plus" aria-label="Zoom in" title="Zoom in (Ctrl and wheel, or drag over a part of the time)" onClick={() => time.zoom(0.5, middle)} />
        <Button kind="quiet" small disabled={!step} title="Gives the selected step all the room" onClick={fit}>Fit step</Button>
        <Button kind="quiet" small disabled={!time.isZoomed} onClick={() => time.show(undefined)}>Show all</Button>
      </div>
    </div>
  );
}

function Legend() {
  const item = (className: string, tone: string, text: string) => (
    <span className="row">
      <i className={`bar ${className}`} style={{ "--tone": `var(--${tone})`, "--tone-soft": `var(--${tone}-soft)` } as React.CSSProperties} /> {text}
    </span>
  );
  return (
    <div className="legend small muted">
      {item("full", "succeeded", "Work")}
      {item("full", "failed", "Failed attempt")}
      {item("queued", "succeeded", "Scheduled, not started")}
      {item("gap", "failed", "Before a retry")}
      {item("gap", "aborted", "Before a redrive")}
      {item("wait", "waiting", "Wait")}
      {item("group", "succeeded", "Map, Parallel")}
    </div>
  );
}
