/** The iterations of a Map: how they do, and which one is looked at. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Iteration, RunView, Step, StepStatus } from "../../model/run";
import { Icon } from "../../ui/icons";
import { Button } from "../../ui/parts";
import { stepTone } from "../../ui/status";
import { formatDuration } from "../../ui/time";

const ROW_HEIGHT = 28;
/** What is wrong comes first, then what is under way. */
const ORDER: Record<StepStatus, number> = { failed: 0, timedout: 0, caught: 1, running: 2, aborted: 3, succeeded: 4 };

type Filter = "" | StepStatus;

/** `version` is that of the run: the iterations are changed in place. */
export function Iterations({ run, version, map, picked, onPick }: { run: RunView; version: number; map: Step; picked: number | undefined; onPick: (index: number | undefined) => void }) {
  const [filter, setFilter] = useState<Filter>("");
  const [jump, setJump] = useState("");
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const iterations = useMemo(() => run.iterationsOf(map.id), [run, version, map]);
  const shown = useMemo(
    () => iterations.filter(({ status }) => filter === "" || status === filter).sort((a, b) => ORDER[a.status] - ORDER[b.status] || a.index - b.index),
    [iterations, filter],
  );
  const counts = useMemo(() => {
    const found = new Map<StepStatus, number>();
    for (const { status } of iterations) found.set(status, (found.get(status) ?? 0) + 1);
    return [...found].sort(([a], [b]) => ORDER[a] - ORDER[b]);
  }, [iterations, version]);
  const virtualizer = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 10 });
  const at = shown.findIndex(({ index }) => index === picked);
  useEffect(() => {
    if (at >= 0) virtualizer.scrollToIndex(at, { align: "auto" });
  }, [picked, at >= 0, virtualizer]);
  const go = (to: number) => {
    const next = shown[Math.max(0, Math.min(to, shown.length - 1))];
    if (next) onPick(next.index);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  };
  const total = map.iterations?.total ?? iterations.length;
  const jumpTo = /^\d+$/.test(jump) ? Number(jump) : undefined;
  const isKnown = jumpTo !== undefined && iterations.some(({ index }) => index === jumpTo);
  const items = virtualizer.getVirtualItems();
  return (
    <section className="iterations" aria-label={`Iterations of ${map.name}`}>
      <header>
        <h3 className="ellipsis" title={map.name}>{map.name}</h3>
        {picked === undefined ? <span className="muted small">{total.toLocaleString()} together</span> : <Button kind="quiet" small onClick={() => onPick(undefined)}>All {total.toLocaleString()}</Button>}
      </header>
      <div className="iteration-tools">
        <select className="input" aria-label="Status of the iterations" value={filter} onChange={(event) => setFilter(event.target.value as Filter)}>
          <option value="">All started ({iterations.length.toLocaleString()})</option>
          {counts.map(([status, count]) => (
            <option key={status} value={status}>{stepTone(status).text} ({count.toLocaleString()})</option>
          ))}
        </select>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!isKnown) return;
            setFilter("");
            onPick(jumpTo);
          }}
        >
          <input className="input" inputMode="numeric" placeholder="Go to #" aria-label="Go to the iteration with index" aria-invalid={jump !== "" && !isKnown} value={jump} onChange={(event) => setJump(event.target.value.trim())} />
        </form>
      </div>
      {jump !== "" && !isKnown && <p className="small wrong">There is no iteration {jump} yet.</p>}
      {shown.length === 0 ? (
        <p className="muted small pad">{iterations.length === 0 ? "No iteration has started." : "None has this status."}</p>
      ) : (
        <div className="iteration-list" ref={scroller} role="listbox" aria-label={`Iterations of ${map.name}`} tabIndex={0} onKeyDown={onKeyDown} aria-activedescendant={items.some(({ index }) => index === at) ? `${id}${picked}` : undefined}>
          <div role="presentation" style={{ height: virtualizer.getTotalSize(), position: "relative" }}>
            {items.map((item) => (
              <Option key={shown[item.index].index} id={`${id}${shown[item.index].index}`} iteration={shown[item.index]} position={item.index + 1} setSize={shown.length} top={item.start} isPicked={item.index === at} onPick={onPick} />
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

function Option({ id, iteration, position, setSize, top, isPicked, onPick }: { id: string; iteration: Iteration; position: number; setSize: number; top: number; isPicked: boolean; onPick: (index: number) => void }) {
  const tone = stepTone(iteration.status);
  return (
    <div id={id} role="option" aria-selected={isPicked} aria-posinset={position} aria-setsize={setSize} className="iteration" style={{ height: ROW_HEIGHT, transform: `translateY(${top}px)` }} onClick={() => onPick(iteration.index)}>
      <span className="mono index">#{iteration.index}</span>
      <span className="row" style={{ color: `var(--${tone.tone})`, gap: 5 }}>
        <Icon name={tone.icon} size={12} /> {tone.text}
      </span>
      <span className="muted time">{iteration.endedAt === undefined ? "" : formatDuration((iteration.endedAt - iteration.startedAt) * 1_000)}</span>
    </div>
  );
}
