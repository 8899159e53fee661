/** All events of the history: as many as there are, of which those in view are on the page. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useEventData } from "../../api/history";
import { detailsOf, type HistoryEvent } from "../../api/types";
import type { RunView, Step } from "../../model/run";
import { useQuery, useSetQuery } from "../../router";
import { Icon } from "../../ui/icons";
import { useKeys } from "../../ui/keys";
import { useIsNarrow } from "../../ui/narrow";
import { Button, Empty, ErrorNotice, Loading, Property } from "../../ui/parts";
import { Payload } from "../../ui/payload";
import { formatClock, formatClockAndDay, formatDuration, formatMoment } from "../../ui/time";
import { Cause } from "./cause";
import { objectOf } from "./dataflow";
import { filterEvents, GROUPS, toneOf } from "./event-groups";

const ROW_HEIGHT = 32;
/** Of a row with two lines. */
const ROW_HEIGHT_NARROW = 48;

interface Props {
  executionArn: string;
  run: RunView;
  version: number;
  startedAt: number;
  isWhole: boolean;
  selected: number | undefined;
  onSelect: (id: number) => void;
  onStep: (step: Step) => void;
}

export function Events({ executionArn, run, version, startedAt, isWhole, selected, onSelect, onStep }: Props) {
  const [group, setGroup] = useQuery("kind");
  const [text, setText] = useQuery("q");
  const setFilters = useSetQuery();
  const wanted = useDeferredValue(text);
  const [open, setOpen] = useState<ReadonlySet<number>>(() => new Set(selected === undefined ? [] : [selected]));
  const scroller = useRef<HTMLDivElement>(null);
  const nameOf = useCallback((event: HistoryEvent) => run.stepOf(event.id)?.name ?? detailsOf(event).name ?? "", [run]);
  const events = useMemo(() => filterEvents(run.events, group, wanted, nameOf), [run, version, group, wanted, nameOf]);
  const rowHeight = useIsNarrow(820) ? ROW_HEIGHT_NARROW : ROW_HEIGHT;
  const virtualizer = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    getItemKey: (index) => events[index].id,
  });
  const at = useMemo(() => positionOf(events, selected), [events, version, selected]);
  const isHere = at >= 0 && events[at]?.id === selected;
  const chosenHere = useRef<number>(undefined);
  // A link to an event shows it; so does moving to it.
  useEffect(() => {
    if (!isHere || chosenHere.current === selected) return;
    chosenHere.current = selected;
    virtualizer.scrollToIndex(at, { align: "center" });
  }, [isHere, selected, at, virtualizer]);

  const focusing = useRef(false);
  const go = (index: number) => {
    if (events.length === 0) return;
    const to = Math.max(0, Math.min(index, events.length - 1));
    chosenHere.current = events[to].id;
    focusing.current = true;
    onSelect(events[to].id);
    virtualizer.scrollToIndex(to, { align: "auto" });
  };
  const toggle = (id: number) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
    chosenHere.current = id;
    onSelect(id);
  };
  useEffect(() => {
    if (!focusing.current || selected === undefined) return;
    const row = scroller.current?.querySelector<HTMLElement>(`[data-event="${selected}"]`);
    if (row) {
      focusing.current = false;
      row.focus({ preventScroll: true });
    }
  });
  useKeys([
    { key: "j", does: "Next event", run: () => go(isHere ? at + 1 : at < 0 ? 0 : at) },
    { key: "k", does: "Previous event", run: () => go(at - 1) },
  ]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLElement && event.target.closest("pre")) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 300) / rowHeight) - 1);
    const to = { Home: 0, End: events.length - 1, ArrowDown: isHere ? at + 1 : 0, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page }[event.key];
    if (to === undefined || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  const items = virtualizer.getVirtualItems();
  // One that runs over midnight has clocks of several days.
  const withDay = new Date(startedAt * 1_000).toDateString() !== new Date((run.events.at(-1)?.timestamp ?? startedAt) * 1_000).toDateString();
  const focusable = isHere ? selected : events[items[0]?.index ?? 0]?.id;
  return (
    <div className={`card events ${withDay ? "with-day" : ""}`}>
      <div className="events-tools">
        <label className="visually-hidden" htmlFor="event-text">Search the events</label>
        <input id="event-text" data-search className="input" type="search" placeholder="Type, state, error or #id" value={text} onChange={(event) => setText(event.target.value)} />
        <select className="input" aria-label="Kind of events" value={group} onChange={(event) => setGroup(event.target.value)}>
          <option value="">All events</option>
          {GROUPS.map(({ id, label }) => <option key={id} value={id}>{label}</option>)}
        </select>
        <span className="muted small grow" role={group || text ? "status" : undefined}>
          {events.length === run.events.length ? `${events.length.toLocaleString()} events` : `${events.length.toLocaleString()} of ${run.events.length.toLocaleString()} events`}
          {!isWhole && " · reading…"}
        </span>
        <Button kind="quiet" small disabled={events.length === 0} onClick={() => go(0)}>First</Button>
        <Button kind="quiet" small disabled={events.length === 0} onClick={() => go(events.length - 1)}>Last</Button>
      </div>
      <div className="event-row event-head" aria-hidden="true">
        <span /> <span>Id</span> <span>Type</span> <span>State</span> <span className="event-prev">After</span> <span className="event-clock">Time</span> <span className="event-since">Since start</span>
      </div>
      {events.length === 0 ? (
        <Empty title={run.events.length === 0 ? "No events yet" : "No events match these filters"} action={run.events.length > 0 && <Button onClick={() => setFilters({ kind: "", q: "" })}>Show all events</Button>} />
      ) : (
        <div className="event-list" ref={scroller} onKeyDown={onKeyDown}>
          <div role="list" aria-label="Events" style={{ height: virtualizer.getTotalSize(), position: "relative" }}>
            {items.map((item) => {
              const event = events[item.index];
              const isOpen = open.has(event.id);
              return (
                <div key={event.id} ref={virtualizer.measureElement} data-index={item.index} role="listitem" aria-posinset={item.index + 1} aria-setsize={events.length} className="event-item" style={{ transform: `translateY(${item.start}px)` }}>
                  <EventLine event={event} name={nameOf(event)} startedAt={startedAt} withDay={withDay} isOpen={isOpen} isSelected={event.id === selected} isFocusable={event.id === focusable} onToggle={toggle} />
                  {isOpen && <EventDetail executionArn={executionArn} event={event} step={run.stepOf(event.id)} lastEventId={run.events.at(-1)?.id ?? 0} onStep={onStep} onSelect={onSelect} />}
                </div>
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}

/** Where an event is, or where it would be. */
function positionOf(events: readonly HistoryEvent[], id: number | undefined): number {
  if (id === undefined) return -1;
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface LineProps {
  event: HistoryEvent;
  name: string;
  startedAt: number;
  withDay: boolean;
  isOpen: boolean;
  isSelected: boolean;
  isFocusable: boolean;
  onToggle: (id: number) => void;
}

function EventLine({ event, name, startedAt, withDay, isOpen, isSelected, isFocusable, onToggle }: LineProps) {
  const tone = toneOf(event.type);
  return (
    <button type="button" className={`event-row ${isSelected ? "selected" : ""}`} data-event={event.id} aria-expanded={isOpen} aria-current={isSelected || undefined} tabIndex={isFocusable ? 0 : -1} onClick={() => onToggle(event.id)}>
      <span className="fold"><Icon name={isOpen ? "down" : "right"} size={12} /></span>
      <span className="mono muted event-id">{event.id}</span>
      <span className="event-type ellipsis" style={tone === "plain" ? undefined : { color: `var(--${tone})` }}>
        {tone !== "plain" && <Icon name={tone} size={12} />} <span className="ellipsis">{event.type}</span>
      </span>
      <span className="ellipsis event-name" title={name}>{name}</span>
      <span className="mono muted event-prev">{event.previousEventId || ""}</span>
      <span className="mono muted event-clock" title={formatMoment(event.timestamp)}>{withDay ? formatClockAndDay(event.timestamp) : formatClock(event.timestamp)}</span>
      <span className="event-since muted">{formatDuration((event.timestamp - startedAt) * 1_000)}</span>
    </button>
  );
}

/** Members that are payloads: they are fetched when somebody looks. */
const PAYLOADS = ["input", "parameters", "output"] as const;
const SHOWN_APART = new Set<string>([...PAYLOADS, "error", "cause", "assignedVariables", "name", "inputDetails", "outputDetails", "assignedVariablesDetails"]);

function EventDetail({ executionArn, event, step, lastEventId, onStep, onSelect }: { executionArn: string; event: HistoryEvent; step: Step | undefined; lastEventId: number; onStep: (step: Step) => void; onSelect: (id: number) => void }) {
  const data = useEventData(executionArn, [event.id], lastEventId);
  const details = detailsOf(data.events.get(event.id) ?? event);
  const rest = Object.entries(details).filter(([member, value]) => !SHOWN_APART.has(member) && value !== undefined);
  return (
    <div className="event-detail">
      <div className="row wrap">
        {step && <Button small onClick={() => onStep(step)}>Show the step</Button>}
        {event.previousEventId > 0 && <Button small kind="quiet" onClick={() => onSelect(event.previousEventId)}>Previous event #{event.previousEventId}</Button>}
      </div>
      {rest.length > 0 && (
        <dl className="properties">
          {rest.map(([member, value]) => (
            <Property key={member} name={member}><span className="mono">{typeof value === "string" ? value : JSON.stringify(value)}</span></Property>
          ))}
        </dl>
      )}
      {details.error !== undefined && <dl className="properties"><Property name="error"><span className="mono">{details.error}</span></Property></dl>}
      {details.cause !== undefined && <Cause cause={details.cause} />}
      {data.isLoading && <Loading what="Reading the payload" />}
      {data.error !== undefined && <ErrorNotice error={data.error} what="The payload could not be read" />}
      {PAYLOADS.map((member) => {
        const payload = details[member];
        return payload !== undefined && <Payload key={member} text={payload} title={`${member} of event ${event.id}`} actions={<h3>{member}</h3>} />;
      })}
      {details.assignedVariables && Object.keys(details.assignedVariables).length > 0 && (
        <Payload text={objectOf(details.assignedVariables)} title={`Variables assigned by event ${event.id}`} actions={<h3>assignedVariables</h3>} />
      )}
    </div>
  );
}
