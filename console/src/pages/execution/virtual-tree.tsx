/**
 * A tree of any size of which only what is in view is on the page. The keyboard stays on the tree as a
 * whole (`aria-activedescendant`), for a row that is scrolled away could not hold it.
 */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useRef, type KeyboardEvent, type ReactNode } from "react";
import { Icon } from "../../ui/icons";
import { useKeys } from "../../ui/keys";

export interface TreeRow {
  key: string;
  /** From 1. */
  level: number;
  isExpandable: boolean;
  isExpanded: boolean;
  /** From 1, among the rows that are beside it. */
  position: number;
  setSize: number;
}

export interface VirtualTreeProps<R extends TreeRow> {
  rows: readonly R[];
  label: string;
  selectedKey: string | undefined;
  /** What is to be in view where nothing is selected, as long as nobody has scrolled. */
  startKey?: string;
  onSelect: (row: R, isTap?: boolean) => void;
  onFold: (row: R, expanded: boolean) => void;
  /** What stands in a row. In a grid it is made of `role="gridcell"`. */
  children: (row: R) => ReactNode;
  /** A name for those who hear the row, where its text does not do. */
  nameOf?: (row: R) => string;
  /** What typing goes to: rows whose text begins so. */
  textOf: (row: R) => string;
  header?: ReactNode;
  grid?: boolean;
  rowHeight?: number;
  className?: string;
}

const ROW_HEIGHT = 30;
const HEADER_HEIGHT = 30;
/** A pause in typing begins anew. */
const TYPING_MS = 800;

export function VirtualTree<R extends TreeRow>({ rows, label, selectedKey, startKey, onSelect, onFold, children, nameOf, textOf, header, grid, rowHeight = ROW_HEIGHT, className = "" }: VirtualTreeProps<R>) {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const typed = useRef({ text: "", at: -Infinity });
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (index) => rows[index].key,
    // The header stays at the top, and takes room before the rows.
    scrollMargin: header ? HEADER_HEIGHT : 0,
    scrollPaddingStart: header ? HEADER_HEIGHT : 0,
  });
  const at = selectedKey === undefined ? -1 : rows.findIndex((row) => row.key === selectedKey);
  // What is selected elsewhere comes into view; where somebody scrolls, nothing moves.
  useEffect(() => {
    if (at >= 0) virtualizer.scrollToIndex(at, { align: "auto" });
  }, [selectedKey, at >= 0, virtualizer]);
  const isTouched = useRef(false);
  const touch = () => {
    isTouched.current = true;
  };
  useEffect(() => {
    const start = startKey === undefined || at >= 0 || isTouched.current ? -1 : rows.findIndex((row) => row.key === startKey);
    if (start >= 0) virtualizer.scrollToIndex(start, { align: "auto" });
  }, [startKey, virtualizer]);

  const go = (index: number) => {
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    if (row) onSelect(row);
  };
  useKeys([
    { key: "j", does: "Next row", run: () => go(at + 1) },
    { key: "/", does: "Find a row: type how it begins", run: () => scroller.current?.focus() },
    { key: "k", does: "Previous row", run: () => go(at < 0 ? 0 : at - 1) },
  ]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const row = rows[at];
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 300) / rowHeight) - 1);
    const moves: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at < 0 ? 0 : at - 1),
      PageDown: () => go(at + page),
      PageUp: () => go(at - page),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => {
        if (row?.isExpandable && !row.isExpanded) onFold(row, true);
        else if (row?.isExpandable) go(at + 1);
      },
      ArrowLeft: () => {
        if (row?.isExpanded) onFold(row, false);
        else if (row) go(rows.findLastIndex((each, index) => index < at && each.level < row.level));
      },
      Enter: () => row?.isExpandable && onFold(row, !row.isExpanded),
      " ": () => row?.isExpandable && onFold(row, !row.isExpanded),
    };
    const move = moves[event.key];
    const now = event.timeStamp;
    const isTyping = now - typed.current.at <= TYPING_MS;
    if (move) {
      event.preventDefault();
      event.stopPropagation();
      move();
    } else if (/^[\p{L}\p{N}]$/u.test(event.key) && (isTyping || !/^[jk]$/.test(event.key))) {
      // J and K move, but belong to a word that has begun.
      event.stopPropagation();
      typed.current = { text: isTyping ? typed.current.text + event.key : event.key, at: now };
      const wanted = typed.current.text.toLowerCase();
      const from = wanted.length === 1 ? at + 1 : Math.max(0, at);
      const order = [...rows.slice(from), ...rows.slice(0, from)];
      const found = order.find((each) => textOf(each).toLowerCase().startsWith(wanted));
      if (found) onSelect(found);
    }
  };
  const items = virtualizer.getVirtualItems();
  const isShown = items.some((item) => item.index === at);
  const rowRole = grid ? "row" : "treeitem";
  return (
    <div
      ref={scroller}
      className={`vtree ${className}`}
      role={grid ? "treegrid" : "tree"}
      aria-label={label}
      aria-rowcount={grid ? rows.length : undefined}
      aria-activedescendant={isShown ? `${id}${rows[at].key}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onWheel={touch}
      onPointerDown={touch}
    >
      {header}
      <div className="vtree-space" role={grid ? "rowgroup" : "presentation"} style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          return (
            <div
              key={row.key}
              id={`${id}${row.key}`}
              className="vtree-row"
              role={rowRole}
              aria-level={row.level}
              aria-posinset={row.position}
              aria-setsize={row.setSize}
              aria-expanded={row.isExpandable ? row.isExpanded : undefined}
              aria-selected={item.index === at}
              aria-label={nameOf?.(row)}
              style={{ height: rowHeight, transform: `translateY(${item.start - (header ? HEADER_HEIGHT : 0)}px)`, "--level": row.level - 1 } as React.CSSProperties}
              onClick={() => onSelect(row, true)}
              onDoubleClick={() => row.isExpandable && onFold(row, !row.isExpanded)}
            >
              {children(row)}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** What folds a row, or the room that it would take. It is for the pointer: the keyboard has the arrows. */
export function Fold<R extends TreeRow>({ row, onFold }: { row: R; onFold: (row: R, expanded: boolean) => void }) {
  if (!row.isExpandable) return <span className="fold" aria-hidden="true" />;
  return (
    <span
      className="fold"
      aria-hidden="true"
      onClick={(event) => {
        event.stopPropagation();
        onFold(row, !row.isExpanded);
      }}
    >
      <Icon name={row.isExpanded ? "down" : "right"} size={12} />
    </span>
  );
}
