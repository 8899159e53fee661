/** How transitions run between states: down in curves, and back up around a corner. */

export interface Point {
  x: number;
  y: number;
}

/** A row of states, from the top of the first to the bottom of the highest. */
export interface Row {
  top: number;
  bottom: number;
}

interface Rectangle extends Point {
  width: number;
  height: number;
}

const CORNER = 10;
/** How far above and below a row transitions run across. */
const CLEARANCE = 12;

/**
 * From the bottom of one state to the top of another. `bends` are dagre's points in between. Rows are
 * passed straight down, so that nothing is crossed that is higher than its neighbours.
 */
export function curvedPath(from: Rectangle, to: Rectangle, bends: Point[], rows: Row[]): { path: string; tip: Point } {
  const start = { x: from.x + from.width / 2, y: from.y + from.height };
  const tip = { x: to.x + to.width / 2, y: to.y };
  const points: Point[] = [start];
  const own = rowAt(rows, from.y + 1);
  if (own && own.bottom > start.y + 1) points.push({ x: start.x, y: own.bottom });
  for (const bend of bends) {
    const row = rowAt(rows, bend.y);
    if (row === own) continue;
    if (!row) points.push(bend);
    else points.push({ x: bend.x, y: row.top }, { x: bend.x, y: row.bottom });
  }
  points.push(tip);
  let path = `M${at(start)}`;
  for (let index = 1; index < points.length; index++) {
    const [a, b] = [points[index - 1], points[index]];
    if (Math.abs(a.x - b.x) < 0.5 || b.y - a.y < 1) {
      path += `L${at(b)}`;
      continue;
    }
    const middle = (a.y + b.y) / 2;
    path += `C${at({ x: a.x, y: middle })} ${at({ x: b.x, y: middle })} ${at(b)}`;
  }
  return { path, tip };
}

/** Down, to the right, up a lane, to the left and down. Where nothing stands in between it leaves at the side. */
export function backPath(from: Rectangle, to: Rectangle, lane: number, rows: Row[], boxes: Rectangle[]): { path: string; tip: Point; laneTop: number; laneBottom: number } {
  const tip = { x: to.x + to.width / 2 + Math.min(24, to.width / 4), y: to.y };
  const side = { x: from.x + from.width, y: from.y + Math.min(from.height / 2, 28) };
  const isFree = !boxes.some((box) => box.x >= side.x && box.x < lane && box.y <= side.y && box.y + box.height >= side.y);
  const over = (rowAt(rows, to.y + 1)?.top ?? to.y) - CLEARANCE;
  const points: Point[] = isFree ? [side] : [{ x: from.x + from.width / 2 + Math.min(24, from.width / 4), y: from.y + from.height }];
  if (!isFree) {
    const under = (rowAt(rows, from.y + 1)?.bottom ?? from.y + from.height) + CLEARANCE;
    points.push({ x: points[0].x, y: under }, { x: lane, y: under });
  } else points.push({ x: lane, y: side.y });
  const laneBottom = points.at(-1)!.y;
  points.push({ x: lane, y: over }, { x: tip.x, y: over }, tip);
  return { path: steppedPath(points), tip, laneTop: over, laneBottom };
}

/** From point to point, with round corners. */
export function steppedPath(points: Point[]): string {
  let path = `M${at(points[0])}`;
  for (let index = 1; index < points.length - 1; index++) {
    const [before, corner, after] = [points[index - 1], points[index], points[index + 1]];
    const radius = Math.min(CORNER, distance(before, corner) / 2, distance(corner, after) / 2);
    path += `L${at(toward(corner, before, radius))}Q${at(corner)} ${at(toward(corner, after, radius))}`;
  }
  return `${path}L${at(points.at(-1)!)}`;
}

function toward(from: Point, to: Point, by: number): Point {
  const length = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) / length) * by, y: from.y + ((to.y - from.y) / length) * by };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function rowAt(rows: Row[], y: number): Row | undefined {
  return rows.find((row) => y >= row.top - 0.5 && y <= row.bottom + 0.5);
}

function at({ x, y }: Point): string {
  return `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
}
