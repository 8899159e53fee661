/** Which part of the time is looked at: a long wait would leave no room for all the rest. */

import { useEffect, useRef, useState, type PointerEvent, type RefObject } from "react";
import { clampSpan, zoomed, type Span } from "./time-axis";

/** A pointer that moves less than this, in pixels, only clicks. */
const DRAG_MIN_PX = 5;
const WHEEL_STEP = 1.0015;

export interface TimeZoom {
  span: Span;
  isZoomed: boolean;
  /** By a factor: below 1 it comes nearer. `at` stays where it is. */
  zoom: (factor: number, at?: number) => void;
  show: (span: Span | undefined) => void;
  /** What is marked with the pointer, from 0 to 1. */
  marked: Span | undefined;
  /** For what is around the bars. */
  handlers: {
    ref: RefObject<HTMLDivElement | null>;
    onPointerDown: (event: PointerEvent) => void;
    onPointerMove: (event: PointerEvent) => void;
    onPointerUp: () => void;
    onPointerCancel: () => void;
    onClickCapture: (event: { preventDefault: () => void; stopPropagation: () => void }) => void;
  };
}

/** The bars stand in elements of class `timeline-bars`, all in the same place. */
export function useTimeZoom(whole: Span): TimeZoom {
  const [chosen, show] = useState<Span>();
  const [marked, setMarked] = useState<Span>();
  const ref = useRef<HTMLDivElement>(null);
  const drag = useRef<{ from: number; x: number; box: DOMRect; isDrag: boolean }>(undefined);
  const wasDrag = useRef(false);
  const span = chosen ? clampSpan(chosen, whole) : whole;
  const zoom = (factor: number, at = (span.from + span.to) / 2) => {
    const next = zoomed(span, factor, at);
    show(next.to - next.from >= whole.to - whole.from ? undefined : clampSpan(next, whole));
  };

  // The wheel alone scrolls the steps. React's own listener could not keep the page from zooming.
  const onWheel = useRef<(event: WheelEvent) => void>(undefined);
  onWheel.current = (event) => {
    const bars = ref.current?.querySelector(".timeline-bars")?.getBoundingClientRect();
    if (!bars || event.clientX < bars.left) return;
    const length = span.to - span.from;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(WHEEL_STEP ** event.deltaY, span.from + ((event.clientX - bars.left) / bars.width) * length);
      return;
    }
    const aside = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
    if (!chosen || Math.abs(aside) <= (event.shiftKey ? 0 : Math.abs(event.deltaY))) return;
    event.preventDefault();
    const by = (aside / bars.width) * length;
    show(clampSpan({ from: span.from + by, to: span.to + by }, whole));
  };
  useEffect(() => {
    const element = ref.current;
    const listen = (event: WheelEvent) => onWheel.current?.(event);
    element?.addEventListener("wheel", listen, { passive: false });
    return () => element?.removeEventListener("wheel", listen);
  });

  const partOf = (event: PointerEvent, box: DOMRect) => Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  const stop = () => {
    drag.current = undefined;
    setMarked(undefined);
  };
  return {
    span,
    isZoomed: chosen !== undefined,
    zoom,
    show: (next) => show(next && clampSpan(next, whole)),
    marked,
    handlers: {
      ref,
      onPointerDown: (event) => {
        wasDrag.current = false;
        const bars = (event.target as Element).closest(".timeline-bars");
        // A finger scrolls.
        if (!bars || event.button !== 0 || event.pointerType === "touch") return;
        const box = bars.getBoundingClientRect();
        drag.current = { from: partOf(event, box), x: event.clientX, box, isDrag: false };
      },
      onPointerMove: (event) => {
        const now = drag.current;
        if (!now) return;
        if (event.buttons === 0) return stop();
        if (!now.isDrag && Math.abs(event.clientX - now.x) < DRAG_MIN_PX) return;
        now.isDrag = wasDrag.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        const at = partOf(event, now.box);
        setMarked({ from: Math.min(now.from, at), to: Math.max(now.from, at) });
      },
      onPointerUp: () => {
        const length = span.to - span.from;
        if (marked && marked.to > marked.from) show(clampSpan({ from: span.from + marked.from * length, to: span.from + marked.to * length }, whole));
        stop();
      },
      onPointerCancel: stop,
      onClickCapture: (event) => {
        if (!wasDrag.current) return;
        wasDrag.current = false;
        event.preventDefault();
        event.stopPropagation();
      },
    },
  };
}
