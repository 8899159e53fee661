/**
 * The layout of a scope that is deeper than dagre can follow: a machine of hundreds of states in a row.
 *
 * States stand in rows, each as far down as the longest way to it. A transition to the next row is a curve.
 * One that goes further runs in a lane at the left, and all that lead to one state share its lane: a
 * thousand states may catch their errors in the same place.
 */

import { curvedPath, steppedPath, type Point, type Row } from "./paths";

interface Size {
  width: number;
  height: number;
}

interface Rectangle extends Size, Point {}

/** A transition that leads down. */
export interface Way {
  from: string;
  to: string;
  /** Of its label; nothing for none. */
  label: Size;
}

export interface Tall {
  boxes: Map<string, Rectangle>;
  rows: Row[];
  /** By the place of the way. */
  ways: { path: string; tip: Point; label?: Rectangle }[];
}

const NODE_GAP = 36;
const ROW_GAP = 40;
const LANE_GAP = 20;
/** How far from a state's middle a transition to a lane leaves and arrives. */
const ASIDE = 20;
/** What a transition that leaves for a lane takes of the height between rows, and one that arrives. */
const LEAVE = 14;
const ARRIVE = 8;

/** How far down each state is: the number of transitions on the longest way to it. */
export function ranksOf(order: string[], ways: { from: string; to: string }[]): Map<string, number> {
  const ranks = new Map(order.map((id) => [id, 0]));
  const after = new Map<string, string[]>(order.map((id) => [id, []]));
  const open = new Map(order.map((id) => [id, 0]));
  for (const { from, to } of ways) {
    after.get(from)!.push(to);
    open.set(to, open.get(to)! + 1);
  }
  const ready = order.filter((id) => open.get(id) === 0);
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    for (const next of after.get(id)!) {
      ranks.set(next, Math.max(ranks.get(next)!, ranks.get(id)! + 1));
      open.set(next, open.get(next)! - 1);
      if (open.get(next) === 0) ready.push(next);
    }
  }
  return ranks;
}

export function layTall(order: string[], ways: Way[], sizeOf: (id: string) => Size): Tall {
  const ranks = ranksOf(order, ways);
  const members: string[][] = [];
  for (const id of order) (members[ranks.get(id)!] ??= []).push(id);
  const isJump = (way: Way) => ranks.get(way.to)! - ranks.get(way.from)! > 1;

  // What stands between a row and the next, from top to bottom: those that leave for a lane, labels, those that arrive.
  const leaving = members.map(() => [] as number[]);
  const arriving = members.map(() => [] as string[]);
  const labels = members.map(() => new Map<string, number>());
  ways.forEach((way, at) => {
    const rank = ranks.get(way.from)!;
    if (isJump(way)) {
      leaving[rank].push(at);
      const above = arriving[ranks.get(way.to)! - 1];
      if (!above.includes(way.to)) above.push(way.to);
    } else if (way.label.height > 0) labels[rank].set(way.to, (labels[rank].get(way.to) ?? 0) + way.label.height + 4);
  });

  const boxes = new Map<string, Rectangle>();
  const rows: Row[] = [];
  const bands: { leave: number; label: number }[] = [];
  let y = 0;
  members.forEach((ids, rank) => {
    const sizes = ids.map(sizeOf);
    const width = sizes.reduce((sum, size) => sum + size.width, (ids.length - 1) * NODE_GAP);
    let x = -width / 2;
    ids.forEach((id, at) => {
      boxes.set(id, { x, y, ...sizes[at] });
      x += sizes[at].width + NODE_GAP;
    });
    const bottom = y + Math.max(...sizes.map((size) => size.height));
    rows.push({ top: y, bottom });
    const leave = leaving[rank].reduce((sum, at) => sum + Math.max(LEAVE, ways[at].label.height + 4), 0);
    const label = Math.max(0, ...labels[rank].values());
    bands.push({ leave: bottom + ROW_GAP / 4, label: bottom + ROW_GAP / 2 + leave });
    y = bottom + ROW_GAP + leave + label + arriving[rank].length * ARRIVE;
  });

  const lanes = lanesOf(ways.filter(isJump), ranks, Math.min(...[...boxes.values()].map((box) => box.x)));
  const left = members.map(() => 0);
  const stacked = members.map(() => new Map<string, number>());
  return {
    boxes,
    rows,
    ways: ways.map((way) => {
      const [from, to, rank] = [boxes.get(way.from)!, boxes.get(way.to)!, ranks.get(way.from)!];
      const { width, height } = way.label;
      if (!isJump(way)) {
        const above = stacked[rank].get(way.to) ?? 0;
        stacked[rank].set(way.to, above + height + 4);
        return { ...curvedPath(from, to, [], rows), label: height > 0 ? { x: to.x + (to.width - width) / 2, y: bands[rank].label + above, width, height } : undefined };
      }
      const start = { x: from.x + from.width / 2 - ASIDE, y: from.y + from.height };
      const tip = { x: to.x + to.width / 2 - ASIDE, y: to.y };
      const under = bands[rank].leave + left[rank] + Math.max(LEAVE, height + 4) / 2;
      left[rank] += Math.max(LEAVE, height + 4);
      const above = ranks.get(way.to)! - 1;
      const over = rows[above + 1].top - ROW_GAP / 4 - arriving[above].indexOf(way.to) * ARRIVE;
      const lane = lanes.get(way.to)!;
      const path = steppedPath([start, { x: start.x, y: under }, { x: lane, y: under }, { x: lane, y: over }, { x: tip.x, y: over }, tip]);
      return { path, tip, label: height > 0 ? { x: start.x - width / 2, y: under - height / 2, width, height } : undefined };
    }),
  };
}

/** Where the lane of each state runs that is jumped to. Two share one where neither is beside the other. */
function lanesOf(jumps: Way[], ranks: Map<string, number>, edge: number): Map<string, number> {
  const spans = new Map<string, { top: number; bottom: number }>();
  for (const { from, to } of jumps) {
    const span = spans.get(to) ?? { top: Infinity, bottom: ranks.get(to)! };
    spans.set(to, { ...span, top: Math.min(span.top, ranks.get(from)!) });
  }
  const ends: number[] = [];
  const lanes = new Map<string, number>();
  for (const [to, { top, bottom }] of [...spans].sort(([, a], [, b]) => a.top - b.top || a.bottom - b.bottom)) {
    const free = ends.findIndex((end) => end < top);
    const at = free < 0 ? ends.length : free;
    ends[at] = bottom;
    lanes.set(to, edge - (at + 1) * LANE_GAP);
  }
  return lanes;
}
