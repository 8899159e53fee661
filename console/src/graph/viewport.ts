/** Which part of a graph is in sight. */

import type { Box } from "./layout";

interface Size {
  width: number;
  height: number;
}

/** Smaller than this it strains the eyes: rather show a part. */
export const ZOOM_READABLE = 0.7;
export const MARGIN = 24;

/** All of the graph if that can be read, else as much of its width as can be. */
export function zoomToBegin(graph: Size, room: Size): number {
  const wide = (room.width - 2 * MARGIN) / graph.width;
  const whole = Math.min(wide, (room.height - 2 * MARGIN) / graph.height, 1);
  return whole >= ZOOM_READABLE ? whole : Math.min(1, Math.max(ZOOM_READABLE, wide));
}

/**
 * Puts a state into the middle, or what is at the upper left of one that is larger than the room. Where the
 * graph ends nothing but a margin is shown beyond it.
 */
export function viewAt(graph: Size, room: Size, zoom: number, state: Box): { x: number; y: number; zoom: number } {
  const along = (whole: number, room: number, from: number, size: number) => {
    const spare = room - whole * zoom;
    if (spare >= 2 * MARGIN) return spare / 2;
    const middle = (room - Math.min(size * zoom, room - 2 * MARGIN)) / 2 - from * zoom;
    return Math.max(spare - MARGIN, Math.min(middle, MARGIN));
  };
  return { x: along(graph.width, room.width, state.x, state.width), y: along(graph.height, room.height, state.y, state.height), zoom };
}
