/**
 * A table of any length that costs what is seen of it. It scrolls with the page; `j` and `k` move through
 * the links of its rows, so that Enter is the browser's own.
 */

import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, type CSSProperties, type ReactNode } from "react";
import { Icon } from "../../ui/icons";
import { useKeys } from "../../ui/keys";
import { useIsNarrow } from "../../ui/narrow";
import "./virtual-table.css";

export interface Column<Row> {
  id: string;
  label: ReactNode;
  /** A track of the grid. */
  width: string;
  cell: (row: Row) => ReactNode;
  /** On a narrow page, the second line of a row: what the columns say that have no room there. */
  below?: (row: Row) => ReactNode;
  /** Aligned as numbers are. */
  number?: boolean;
  /** From which width of the page on the column is there; always without it. */
  from?: "medium" | "wide" | "widest";
  /** Sorts by this column, in the other direction if it is the one already. */
  onSort?: () => void;
  sorted?: "ascending" | "descending";
}

/** What needs how much room, from none on. */
const ROOM: Column<never>["from"][] = [undefined, "medium", "wide", "widest"];
const ROW_PX = 41;
/** With a second line. */
const ROW_NARROW_PX = 61;
/** So many rows before the end, more are asked for. */
const NEAR_END = 20;

export function VirtualTable<Row>({ label, columns, rows, keyOf, onNearEnd, isSelected }: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string;
  /** The last rows are in sight. */
  onNearEnd?: () => void;
  isSelected?: (row: Row) => boolean;
}) {
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setTop((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const isNarrow = useIsNarrow(720);
  const rowPx = isNarrow && columns.some((column) => column.below) ? ROW_NARROW_PX : ROW_PX;
  const virtual = useWindowVirtualizer({ count: rows.length, estimateSize: () => rowPx, overscan: 12, scrollMargin: top, getItemKey: (index) => keyOf(rows[index]) });
  useEffect(() => virtual.measure(), [virtual, rowPx]);
  const shown = virtual.getVirtualItems();

  const last = shown.at(-1)?.index ?? -1;
  useEffect(() => {
    if (last >= rows.length - NEAR_END) onNearEnd?.();
  }, [last, rows.length, onNearEnd]);

  // Which row's link to put the focus on, once it is there.
  const [wanted, setWanted] = useState<number>();
  const move = (by: number) => {
    const row = document.activeElement?.closest<HTMLElement>("[data-row]");
    const at = row && body.current?.contains(row) ? Number(row.dataset.row) : -1;
    // Without one that has the focus, it begins at the first row in sight.
    const to = at < 0 ? (shown.find((item) => item.start >= window.scrollY)?.index ?? 0) : at + by;
    if (to < 0 || to >= rows.length) return;
    virtual.scrollToIndex(to, { align: "auto" });
    setWanted(to);
  };
  useEffect(() => {
    if (wanted === undefined) return;
    const link = body.current?.querySelector<HTMLElement>(`[data-row="${wanted}"] a`);
    if (!link) return;
    link.focus({ preventScroll: true });
    setWanted(undefined);
  });
  useKeys([
    { key: "j", does: "Next row; Enter opens it", run: () => move(1) },
    { key: "k", does: "Row before", run: () => move(-1) },
  ]);

  const width = (room: number) => columns.filter((column) => ROOM.indexOf(column.from) <= room).map((column) => column.width).join(" ");
  const tracks = { "--tracks-narrow": width(0), "--tracks-medium": width(1), "--tracks-wide": width(2), "--tracks-widest": width(3) } as CSSProperties;
  return (
    <div className="vtable" role="table" aria-label={label} aria-rowcount={rows.length + 1} style={tracks}>
      <div role="rowgroup" className="vhead">
        <div role="row" className="vrow" aria-rowindex={1}>
          {columns.map((column) => (
            <div key={column.id} role="columnheader" className={cellClass(column)} aria-sort={column.sorted}>
              {column.onSort ? (
                <button type="button" className="sort" onClick={column.onSort}>
                  {!column.number && column.label}
                  <span className={column.sorted === "ascending" ? "up" : column.sorted ? "" : "off"}><Icon name="down" size={12} /></span>
                  {column.number && column.label}
                </button>
              ) : column.label}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" ref={body} className="vbody" style={{ height: virtual.getTotalSize() }}>
        {shown.map((item) => {
          const row = rows[item.index];
          return (
            <div key={item.key} role="row" data-row={item.index} aria-rowindex={item.index + 2} className={`vrow${isSelected?.(row) ? " selected" : ""}`} style={{ transform: `translateY(${item.start - top}px)`, height: item.size }}>
              {columns.map((column) => (
                <div key={column.id} role="cell" className={cellClass(column)}>
                  {column.cell(row)}
                  {isNarrow && column.below && <div className="below">{column.below(row)}</div>}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function cellClass<Row>(column: Column<Row>): string {
  return ["vcell", column.number && "number", column.from && `from-${column.from}`].filter(Boolean).join(" ");
}
