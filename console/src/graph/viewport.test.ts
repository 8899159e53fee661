import { describe, expect, it } from "vitest";
import { MARGIN, viewAt, ZOOM_READABLE, zoomToBegin } from "./viewport";

const ROOM = { width: 480, height: 600 };

describe("what is in sight of a graph", () => {
  it("is all of it where that can be read", () => {
    const graph = { width: 300, height: 400 };
    expect(zoomToBegin(graph, ROOM)).toBe(1);
    expect(viewAt(graph, ROOM, 1, { x: 0, y: 0, width: 44, height: 24 })).toEqual({ x: 90, y: 100, zoom: 1 });
    expect(zoomToBegin({ width: 540, height: 400 }, ROOM)).toBe(0.8);
  });

  it("is as much of its width as can be read", () => {
    expect(zoomToBegin({ width: 540, height: 4_000 }, ROOM)).toBe(0.8);
    expect(zoomToBegin({ width: 2_000, height: 4_000 }, ROOM)).toBe(ZOOM_READABLE);
  });

  it("has a state in the middle, and no more than a margin beyond the ends", () => {
    const graph = { width: 400, height: 4_000 };
    const at = (y: number) => viewAt(graph, ROOM, 1, { x: 80, y, width: 236, height: 56 });
    expect(at(2_000)).toEqual({ x: 40, y: 300 - 2_028, zoom: 1 });
    expect(at(0).y).toBe(MARGIN);
    expect(at(3_944).y).toBe(600 - MARGIN - 4_000);
  });

  it("begins at the head of a Map that is larger than the room", () => {
    const graph = { width: 1_600, height: 4_000 };
    expect(viewAt(graph, ROOM, 1, { x: 400, y: 500, width: 800, height: 1_200 })).toEqual({ x: MARGIN - 400, y: MARGIN - 500, zoom: 1 });
  });
});
