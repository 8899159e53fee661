/**
 * Where everything in the graph stands.
 *
 * No transition leads into or out of a branch or a Map's processor. So each of them is laid out by itself,
 * the inner ones first, and is then one large box to what is around it. Transitions that lead back are
 * kept from dagre, so that a loop does not turn its states upside down; they run up the right side.
 *
 * The same machine always gives the same picture: nothing here depends on a run.
 */

import dagre from "@dagrejs/dagre";
import type { Machine, MachineEdge, MachineState, Scope } from "../model/machine";
import { backPath, curvedPath, type Point, type Row } from "./paths";
import { layTall, ranksOf, type Tall } from "./tall";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedNode extends Box {
  id: string;
  /** `group`: a Parallel or Map with what is in it. */
  kind: "state" | "group" | "start" | "end";
  /** How many groups it is in. */
  depth: number;
  /** The group it is in. */
  parent?: string;
  state?: MachineState;
}

/** The branches of a Parallel, and the processor of a Map. */
export interface PlacedScope extends Box {
  id: string;
  parent: string;
  depth: number;
}

export interface PlacedEdge {
  id: string;
  /** Ids of nodes. */
  from: string;
  to: string;
  kind: MachineEdge["kind"] | "start" | "end";
  depth: number;
  isBack: boolean;
  /** For the `d` of an SVG path. */
  path: string;
  /** Where the path ends, pointing down. */
  tip: Point;
  label?: Box & { lines: string[] };
}

export interface Layout {
  width: number;
  height: number;
  nodes: PlacedNode[];
  scopes: PlacedScope[];
  edges: PlacedEdge[];
}

export const NODE_WIDTH = 236;
export const NODE_HEIGHT = 56;
export const GROUP_HEAD = 56;
const MARKER_SIZE = 44;
const MARKER_HEIGHT = 24;
const GROUP_PADDING = 16;
const SCOPE_PADDING = 16;
const SCOPE_GAP = 16;
const RANK_GAP = 48;
const NODE_GAP = 36;
const EDGE_GAP = 24;
const LABEL_LINE = 18;
export const LABEL_WIDTH_MAX = 216;
const LABEL_LINES_MAX = 3;
/** What a character of a label takes, in pixels, if all are rather wide and bold. */
const LABEL_CHAR = 7.3;

const START = "\u0000start";
const END = "\u0000end";
/** dagre looks at a graph by recursion, and the stack of a worker is small. */
const RANKS_MANY = 250;
/** What dagre's best way to find ranks is too slow for. */
const STATES_MANY = 150;
/** More pairs of siblings than so many have are not worth their time. */
const SIBLINGS_MANY = 12;

/** One scope, with its own corner as the origin. */
interface Block {
  width: number;
  height: number;
  nodes: PlacedNode[];
  scopes: PlacedScope[];
  edges: PlacedEdge[];
}

interface Link {
  from: string;
  to: string;
  kind: PlacedEdge["kind"];
  lines: string[];
  isBack: boolean;
}

export function layout(machine: Machine): Layout {
  if (machine.scope.states.length === 0) return { width: 0, height: 0, nodes: [], scopes: [], edges: [] };
  return layScope(machine.scope, "", undefined, 0);
}

/** How many states there are, inner ones too. */
export function countStates(scope: Scope): number {
  return scope.states.reduce((sum, state) => sum + 1 + state.scopes.reduce((inner, each) => inner + countStates(each), 0), 0);
}

function layScope(scope: Scope, path: string, parent: string | undefined, depth: number): Block {
  const { order, links } = linksOf(scope, parent === undefined);
  const states = new Map(scope.states.map((state) => [state.id, state]));
  const insides = new Map<string, { block: Block; box: Box }[]>();
  for (const [id, state] of states) {
    const inside = layInside(state, path, depth);
    if (inside.length > 0) insides.set(id, inside);
  }
  const sizeOfNode = (id: string) => (states.has(id) ? sizeOf(insides.get(id) ?? []) : { width: MARKER_SIZE, height: MARKER_HEIGHT });
  const forward = links.filter((link) => !link.isBack);
  const isTall = Math.max(...ranksOf(order, forward).values()) > RANKS_MANY;
  const { boxes: places, rows, ways } = isTall
    ? layTall(order, forward.map(({ from, to, lines }) => ({ from, to, label: labelSize(lines) })), sizeOfNode)
    : layWithDagre(order, forward, sizeOfNode, scope.states.length);

  const block: Block = { width: 0, height: 0, nodes: [], scopes: [], edges: [] };
  for (const id of order) {
    const box = places.get(id)!;
    const state = states.get(id);
    const inside = insides.get(id);
    block.nodes.push({ ...box, id, kind: inside ? "group" : state ? "state" : id === START ? "start" : "end", depth, parent, state });
    for (const [at, { block: inner, box: place }] of (inside ?? []).entries()) put(block, inner, { ...place, x: box.x + place.x, y: box.y + place.y }, `${id}\u0000${at}`, id, depth);
  }
  const boxes = new Map(block.nodes.filter((node) => node.parent === parent).map((node) => [node.id, node]));
  forward.forEach((link, at) => {
    const { label, ...made } = ways[at];
    block.edges.push({ ...idsOf(link, path, at), kind: link.kind, depth, isBack: false, ...made, label: label && { ...label, lines: link.lines } });
  });
  addBackEdges(block, links.filter((link) => link.isBack), boxes, rows, path, depth);
  fit(block);
  return block;
}

/** Where dagre puts the states of a scope, and how transitions that lead down run between them. */
function layWithDagre(order: string[], forward: Link[], sizeOfNode: (id: string) => { width: number; height: number }, count: number): Tall {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({
    rankdir: "TB",
    rankalign: "top",
    nodesep: NODE_GAP,
    edgesep: EDGE_GAP,
    ranksep: RANK_GAP,
    ranker: count > STATES_MANY ? "tight-tree" : "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of order) graph.setNode(id, sizeOfNode(id));
  forward.forEach((link, at) => graph.setEdge(link.from, link.to, { ...labelSize(link.lines), labelpos: "c", weight: link.kind === "next" ? 2 : 1 }, String(at)));
  dagre.layout(graph, { constraints: siblings(order, forward) });
  untangle(graph, forward);

  const rows = rowsOf(graph, order, forward);
  const boxes = new Map<string, Box>();
  for (const id of order) {
    const { x, y, width, height } = graph.node(id);
    boxes.set(id, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const ways = forward.map((link, at) => {
    const edge = graph.edge({ v: link.from, w: link.to, name: String(at) }) as unknown as { points: Point[]; x?: number; y?: number };
    const size = labelSize(link.lines);
    const label = size.width > 0 && edge.x !== undefined && edge.y !== undefined ? { x: edge.x - size.width / 2, y: edge.y - size.height / 2, ...size } : undefined;
    return { ...curvedPath(boxes.get(link.from)!, boxes.get(link.to)!, edge.points.slice(1, -1), rows), label };
  });
  return { boxes, rows, ways };
}

/** Labels of one state that stand in a row come in the order of where they lead to: dagre may leave two crossed. */
function untangle(graph: InstanceType<typeof dagre.graphlib.Graph>, forward: Link[]): void {
  type Way = { points: Point[]; x: number; y: number; width: number };
  const rows = new Map<string, { way: Way; to: number }[]>();
  const ways = forward.map((link, at) => graph.edge({ v: link.from, w: link.to, name: String(at) }) as unknown as Way);
  forward.forEach((link, at) => {
    const way = ways[at];
    // A longer way has bends of its own.
    if (link.lines.length === 0 || way.points.length !== 3) return;
    const row = rows.get(link.from);
    const one = { way, to: (graph.node(link.to) as unknown as Point).x };
    if (row) row.push(one);
    else rows.set(link.from, [one]);
  });
  for (const row of rows.values()) {
    if (row.length < 2) continue;
    const now = row.map(({ way }) => way).sort((a, b) => a.x - b.x);
    const wanted = [...row].sort((a, b) => a.to - b.to || a.way.x - b.way.x).map(({ way }) => way);
    if (now.every((way, at) => way === wanted[at])) continue;
    let left = now[0].x - now[0].width / 2;
    const last = now[now.length - 1];
    const right = last.x + last.width / 2;
    const isBetween = ({ x, y }: Point) => x > left && x < right && Math.abs(y - last.y) < LABEL_LINE;
    // What else runs through there stays clear.
    if (ways.some((way) => !now.includes(way) && way.points.some(isBetween))) continue;
    const gaps = now.map((way, at) => (at === now.length - 1 ? 0 : now[at + 1].x - now[at + 1].width / 2 - (way.x + way.width / 2)));
    wanted.forEach((way, at) => {
      way.x = way.points[1].x = left + way.width / 2;
      left += way.width + gaps[at];
    });
  }
}

/** The transitions of a scope, and its states in the order in which somebody would follow them. */
function linksOf(scope: Scope, isWhole: boolean): { order: string[]; links: Link[] } {
  const byName = new Map<string, MachineState>();
  for (const state of scope.states) if (!byName.has(state.name)) byName.set(state.name, state);
  const start = scope.startAt === undefined ? undefined : byName.get(scope.startAt);
  const links: Link[] = [];
  const from = new Map<string, Link[]>();
  for (const state of scope.states) {
    const mine: Link[] = [];
    for (const { kind, to, label } of state.edges) {
      const target = byName.get(to);
      if (!target) continue;
      // History does not say by which rule a Choice went on, so its ways to one state are one. What is caught is told apart.
      const same = mine.find((link) => link.to === target.id && (link.kind === "catch") === (kind === "catch"));
      if (!same) mine.push({ from: state.id, to: target.id, kind, lines: label ? [label] : [], isBack: false });
      else if (label) same.lines.push(label);
    }
    for (const link of mine) if (link.lines.length > LABEL_LINES_MAX) link.lines.splice(LABEL_LINES_MAX - 1, Infinity, `and ${link.lines.length - LABEL_LINES_MAX + 1} more`);
    from.set(state.id, mine);
    links.push(...mine);
  }
  const order: string[] = [];
  const done = new Map<string, "open" | "closed">();
  // By hand: a chain of states may be longer than the stack is deep.
  for (const root of start ? [start, ...scope.states] : scope.states) {
    if (done.has(root.id)) continue;
    const stack: { id: string; at: number }[] = [{ id: root.id, at: 0 }];
    done.set(root.id, "open");
    order.push(root.id);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const link = from.get(top.id)![top.at++];
      if (!link) {
        done.set(top.id, "closed");
        stack.pop();
      } else if (done.get(link.to) === "open") {
        link.isBack = true;
      } else if (!done.has(link.to)) {
        done.set(link.to, "open");
        order.push(link.to);
        stack.push({ id: link.to, at: 0 });
      }
    }
  }
  if (!isWhole) return { order, links };
  const ends = scope.states.filter((state) => state.isTerminal);
  return {
    order: [...(start ? [START] : []), ...order, ...(ends.length > 0 ? [END] : [])],
    links: [
      ...(start ? [{ from: START, to: start.id, kind: "start" as const, lines: [], isBack: false }] : []),
      ...links,
      ...ends.map((state) => ({ from: state.id, to: END, kind: "end" as const, lines: [], isBack: false })),
    ],
  };
}

/** What comes after one state stands from left to right as the definition has it. */
function siblings(order: string[], links: Link[]): { left: string; right: string }[] {
  const place = new Map(order.map((id, at) => [id, at]));
  const after = new Map<string, string[]>();
  for (const link of links) {
    if (link.kind === "end" || link.kind === "start") continue;
    const list = after.get(link.from);
    if (!list) after.set(link.from, [link.to]);
    else if (!list.includes(link.to)) list.push(link.to);
  }
  const pairs: { left: string; right: string }[] = [];
  for (const list of after.values()) {
    list.sort((a, b) => place.get(a)! - place.get(b)!);
    if (list.length > SIBLINGS_MANY) {
      for (let at = 1; at < list.length; at++) pairs.push({ left: list[at - 1], right: list[at] });
      continue;
    }
    // All of them, as dagre looks at each row by itself.
    for (const [at, left] of list.entries()) for (const right of list.slice(at + 1)) pairs.push({ left, right });
  }
  return pairs;
}

/** The scopes in a state, side by side below its head. */
function layInside(state: MachineState, path: string, depth: number): { block: Block; box: Box }[] {
  let x = GROUP_PADDING;
  const placed: { block: Block; box: Box }[] = [];
  state.scopes.forEach((scope, at) => {
    if (scope.states.length === 0) return;
    const block = layScope(scope, `${path}${state.id}\u0000${at}\u0000`, state.id, depth + 1);
    const box = { x, y: GROUP_HEAD, width: block.width + 2 * SCOPE_PADDING, height: block.height + 2 * SCOPE_PADDING };
    x += box.width + SCOPE_GAP;
    placed.push({ block, box });
  });
  // All as high as the highest; a single narrow one in the middle.
  const height = Math.max(0, ...placed.map(({ box }) => box.height));
  for (const { box } of placed) box.height = height;
  const spare = sizeOf(placed).width - (x - SCOPE_GAP + GROUP_PADDING);
  if (spare > 0) for (const { box } of placed) box.x += spare / 2;
  return placed;
}

function sizeOf(inside: { box: Box }[]): { width: number; height: number } {
  const rightmost = inside.at(-1)?.box;
  if (!rightmost) return { width: NODE_WIDTH, height: NODE_HEIGHT };
  return { width: Math.max(NODE_WIDTH + 2 * GROUP_PADDING, rightmost.x + rightmost.width + GROUP_PADDING), height: GROUP_HEAD + rightmost.height + GROUP_PADDING };
}

function labelSize(lines: string[]): { width: number; height: number } {
  if (lines.length === 0) return { width: 0, height: 0 };
  const longest = Math.max(...lines.map((line) => line.length));
  return { width: Math.min(LABEL_WIDTH_MAX, Math.ceil(longest * LABEL_CHAR) + 14), height: lines.length * LABEL_LINE + 2 };
}

function idsOf(link: Link, path: string, at: number): { id: string; from: string; to: string } {
  return { id: `${path}${link.isBack ? "back" : "edge"}${at}`, from: link.from, to: link.to };
}

/** The rows in which states and labels stand. */
function rowsOf(graph: InstanceType<typeof dagre.graphlib.Graph>, order: string[], links: Link[]): Row[] {
  const rows = new Map<number, Row>();
  for (const id of order) {
    const { rank, y, height } = graph.node(id) as unknown as { rank: number; y: number; height: number };
    const row = rows.get(rank);
    if (row) {
      row.top = Math.min(row.top, y - height / 2);
      row.bottom = Math.max(row.bottom, y + height / 2);
    } else rows.set(rank, { top: y - height / 2, bottom: y + height / 2 });
  }
  const states = [...rows.values()];
  links.forEach((link, at) => {
    const { y } = graph.edge({ v: link.from, w: link.to, name: String(at) }) as unknown as { y?: number };
    if (link.lines.length === 0 || y === undefined) return;
    const half = labelSize(link.lines).height / 2;
    // That of a long transition may stand among states. The others have no rank any more, but one top for each row.
    if (states.some((row) => y >= row.top && y <= row.bottom)) return;
    const key = -Math.round(y - half) - 1;
    const row = rows.get(key);
    if (row) row.bottom = Math.max(row.bottom, y + half);
    else rows.set(key, { top: y - half, bottom: y + half });
  });
  return [...rows.values()].sort((a, b) => a.top - b.top);
}

/** Each runs in a lane of its own, to the right of all that it passes. */
function addBackEdges(block: Block, links: Link[], boxes: Map<string, PlacedNode>, rows: Row[], path: string, depth: number): void {
  const span = (link: Link) => boxes.get(link.from)!.y - boxes.get(link.to)!.y;
  const byLength = links.map((link, at) => ({ link, at })).sort((a, b) => span(a.link) - span(b.link) || a.at - b.at);
  const lanes: Box[] = [];
  for (const { link, at } of byLength) {
    const from = boxes.get(link.from)!;
    const to = boxes.get(link.to)!;
    const top = to.y - RANK_GAP;
    const bottom = from.y + from.height + RANK_GAP;
    const size = labelSize(link.lines);
    let right = Math.max(from.x + from.width, to.x + to.width);
    const clear = (box: Box) => {
      if (box.y < bottom && box.y + box.height > top) right = Math.max(right, box.x + box.width);
    };
    boxes.forEach(clear);
    lanes.forEach(clear);
    for (const edge of block.edges) {
      if (edge.label) clear(edge.label);
    }
    const x = right + Math.max(EDGE_GAP, size.width / 2 + 8);
    const made = backPath(from, to, x, rows, [...boxes.values()]);
    const middle = (made.laneTop + made.laneBottom) / 2;
    lanes.push({ x: x - size.width / 2, y: top, width: size.width, height: bottom - top });
    block.edges.push({
      ...idsOf(link, path, at),
      kind: link.kind,
      depth,
      isBack: true,
      path: made.path,
      tip: made.tip,
      label: size.width > 0 ? { x: x - size.width / 2, y: middle - size.height / 2, ...size, lines: link.lines } : undefined,
    });
    block.width = Math.max(block.width, x + size.width / 2);
  }
}

/** Puts an inner scope into its group. */
function put(block: Block, inner: Block, place: Box, id: string, parent: string, depth: number): void {
  block.scopes.push({ ...place, id, parent, depth: depth + 1 });
  const dx = place.x + (place.width - inner.width) / 2;
  const dy = place.y + SCOPE_PADDING;
  shift(inner, dx, dy);
  block.nodes.push(...inner.nodes);
  block.scopes.push(...inner.scopes);
  block.edges.push(...inner.edges);
}

function shift(block: Block, dx: number, dy: number): void {
  for (const box of [...block.nodes, ...block.scopes]) {
    box.x += dx;
    box.y += dy;
  }
  for (const edge of block.edges) {
    edge.path = edge.path.replace(/(-?[\d.]+),(-?[\d.]+)/g, (_, x: string, y: string) => `${round(Number(x) + dx)},${round(Number(y) + dy)}`);
    edge.tip = { x: edge.tip.x + dx, y: edge.tip.y + dy };
    if (edge.label) {
      edge.label.x += dx;
      edge.label.y += dy;
    }
  }
}

/** Moves a block to the origin, and makes it as large as what is in it. */
function fit(block: Block): void {
  let [left, top, right, bottom] = [Infinity, Infinity, block.width, 0];
  const take = (box: Box) => {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  };
  block.nodes.forEach(take);
  for (const edge of block.edges) {
    if (edge.label) take(edge.label);
    for (const [, x, y] of edge.path.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)) take({ x: Number(x), y: Number(y), width: 0, height: 0 });
  }
  if (left !== 0 || top !== 0) shift(block, -left, -top);
  block.width = right - left;
  block.height = bottom - top;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
