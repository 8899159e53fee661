/**
 * The picture of a machine, and of a run of it. To look at: it changes nothing.
 *
 * The tree of states beside it says the same to those who use a keyboard or a screen reader.
 */

import { Controls, MiniMap, Panel, ReactFlow, ReactFlowProvider, useReactFlow, useStoreApi, type Edge, type Node } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { memo, useCallback, useEffect, useMemo, useRef, useState, type PointerEvent, type TouchEvent } from "react";
import type { Machine } from "../model/machine";
import type { RunView } from "../model/run";
import { Button, Empty, Loading } from "../ui/parts";
import "./graph.css";
import { GROUP_HEAD, type Layout, type PlacedNode } from "./layout";
import { GraphContext, MarkerPart, ScopePart, StatePart, TransitionPart } from "./parts";
import { useLayout } from "./useLayout";
import { GraphView, type Difference, type IterationOf, type NodePlace } from "./view";
import { MARGIN, viewAt, ZOOM_READABLE, zoomToBegin } from "./viewport";

export type { Difference, IterationOf } from "./view";

const ALL_TOGETHER: readonly IterationOf[] = [];

export interface GraphProps {
  machine: Machine;
  /** Without one, no state is shown as taken or not. Tell of its changes by rendering again. */
  run?: RunView;
  /** The name of a state. */
  selected?: string;
  onSelect?: (name: string) => void;
  /** The name of the state to have in sight where none is selected, as long as nobody has moved the graph. */
  focus?: string;
  /** What runs can be followed: selects nothing any more. */
  onFollow?: () => void;
  /** The iterations to show of Maps in one another, outermost first, instead of all together. */
  iterationsOf?: readonly IterationOf[];
  /** What is shown is not the present. */
  dimmed?: boolean;
  /** How states differ from another definition, by name. */
  diff?: ReadonlyMap<string, Difference>;
  /** What it is a picture of, for those who do not see it. */
  label?: string;
}

export function Graph({ machine, run, selected, onSelect, focus, onFollow, iterationsOf = ALL_TOGETHER, dimmed, diff, label = "Graph of the state machine" }: GraphProps) {
  const { layout, isStale, error } = useLayout(machine);
  const [view] = useState(() => new GraphView());
  // Before parts ask for the first time, and for each change after that.
  const first = useRef(true);
  if (first.current) {
    first.current = false;
    view.show(run, iterationsOf, selected, diff);
  }
  const version = run?.version;
  useEffect(() => view.show(run, iterationsOf, selected, diff), [view, run, version, iterationsOf, selected, diff]);
  const select = useRef(onSelect);
  useEffect(() => {
    select.current = onSelect;
  }, [onSelect]);
  const onPick = useCallback((name: string) => select.current?.(name), []);
  const follow = useRef(onFollow);
  useEffect(() => {
    follow.current = onFollow;
  }, [onFollow]);
  const onUnpick = useCallback(() => follow.current?.(), []);

  if (!layout) return error ? <Empty title="The graph cannot be drawn">{error}</Empty> : <Loading what="Drawing the graph" />;
  if (layout.nodes.length === 0) return <Empty title="No states yet" />;
  return (
    <div className={`graph ${dimmed || isStale ? "is-dimmed" : ""}`} role="group" aria-label={`${label}, ${countOf(layout)}`} onTouchStartCapture={leaveToPage}>
      <GraphContext value={view}>
        <ReactFlowProvider>
          <Canvas layout={layout} selected={selected} focus={focus} onPick={onPick} onFollow={onFollow && onUnpick} isInPage={diff !== undefined} />
        </ReactFlowProvider>
      </GraphContext>
    </div>
  );
}

/** On a phone the graph is as wide as the page: what one finger does there is for the page, or nobody gets past it. */
function leaveToPage(event: TouchEvent): void {
  if (event.touches.length === 1 && window.matchMedia("(pointer: coarse)").matches) event.stopPropagation();
}

/** Whether it is the one finger that moves the page. */
function isForPage({ pointerType, isPrimary }: PointerEvent): boolean {
  return pointerType === "touch" && isPrimary && window.matchMedia("(pointer: coarse)").matches;
}

function countOf(layout: Layout): string {
  const count = layout.nodes.filter((node) => node.state).length;
  return count === 1 ? "1 state" : `${count} states`;
}

const NODE_TYPES = { state: StatePart, marker: MarkerPart, scope: ScopePart };
const EDGE_TYPES = { transition: TransitionPart };
const NO_ATTRIBUTION = { hideAttribution: true };
const MINI_MAP = { width: 110, height: 80 };
/** From so many states on, a small map helps. */
const STATES_FOR_MAP = 60;
/** Where states come and go quickly, the graph does not jump with each of them. */
const FOLLOW_EVERY_MS = 1_000;
const ZOOM_MIN = 0.05;
const ZOOM_MAX = 2;

const Canvas = memo(function Canvas({ layout, selected, focus, onPick, onFollow, isInPage }: { layout: Layout; selected?: string; focus?: string; onPick: (name: string) => void; onFollow?: () => void; isInPage: boolean }) {
  const nodes = useMemo(() => nodesOf(layout), [layout]);
  const edges = useMemo(() => edgesOf(layout), [layout]);
  const flow = useReactFlow();
  const store = useStoreApi();
  const [isReady, setReady] = useState(false);

  // React Flow is ready a little after it has been told whom to tell.
  const target = useRef<string>(undefined);
  target.current = selected ?? focus;
  const begin = useCallback(() => {
    const room = store.getState();
    const at = nodeOf(layout, target.current) ?? layout.nodes.find((node) => node.kind === "start") ?? layout.nodes[0];
    void flow.setViewport(viewAt(layout, room, zoomToBegin(layout, room), at));
    setReady(true);
  }, [flow, store, layout]);

  // Another machine altogether, such as another template, begins anew; while one is written, nothing jumps.
  const known = useRef(layout);
  useEffect(() => {
    const before = new Set(known.current.nodes.flatMap(({ state }) => state?.name ?? []));
    known.current = layout;
    if (isReady && !layout.nodes.some(({ state }) => state && before.has(state.name))) begin();
  }, [layout, begin, isReady]);

  // What is selected elsewhere comes into sight; if nothing is, and nobody has moved the graph, what runs.
  const [isTouched, setTouched] = useState(false);
  const touch = () => setTouched(true);
  const [follows, setFollows] = useState(0);
  const movedAt = useRef(-Infinity);
  const wanted = selected ?? (isTouched ? undefined : focus);
  useEffect(() => {
    const node = isReady ? nodeOf(layout, wanted) : undefined;
    if (!node) return;
    const bring = () => {
      const { width, height, transform } = store.getState();
      const [x, y, zoom] = transform;
      const [left, top] = [node.x * zoom + x, node.y * zoom + y];
      const shown = { width: Math.min(node.width * zoom, width - 2 * MARGIN), height: Math.min(node.height, GROUP_HEAD) * zoom };
      if (left >= 0 && top >= 0 && left + shown.width <= width && top + shown.height <= height) return;
      const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      void flow.setViewport(viewAt(layout, { width, height }, Math.max(zoom, ZOOM_READABLE), node), { duration: isStill ? 0 : 200 });
      movedAt.current = performance.now();
    };
    const wait = selected === undefined ? movedAt.current + FOLLOW_EVERY_MS - performance.now() : 0;
    if (wait <= 0) return bring();
    const timer = setTimeout(bring, wait);
    return () => clearTimeout(timer);
  }, [wanted, follows, layout, flow, store, isReady]);

  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onInit={begin}
      onPointerDownCapture={(event) => (isForPage(event) ? undefined : touch())}
      onWheelCapture={touch}
      onNodeClick={(_, node) => {
        const { placed } = node.data as { placed?: PlacedNode };
        if (placed?.state) onPick(placed.state.name);
      }}
      minZoom={ZOOM_MIN}
      maxZoom={ZOOM_MAX}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      disableKeyboardA11y
      onlyRenderVisibleElements
      zoomOnDoubleClick={false}
      // Graphs that are compared stand in a page that scrolls: there the wheel zooms with Ctrl.
      preventScrolling={!isInPage}
      elevateEdgesOnSelect={false}
      proOptions={NO_ATTRIBUTION}
    >
      <Controls showInteractive={false} fitViewOptions={{ maxZoom: 1, padding: 0.06 }} onZoomIn={touch} onZoomOut={touch} onFitView={touch} />
      {onFollow && (isTouched || selected !== undefined) && (
        <Panel position="top-right">
          <Button small title="Keep in sight what runs" onClick={() => { movedAt.current = -Infinity; setTouched(false); setFollows(follows + 1); onFollow(); }}>Follow</Button>
        </Panel>
      )}
      {layout.nodes.length > STATES_FOR_MAP && <MiniMap style={MINI_MAP} pannable zoomable nodeClassName={(node) => `graph-mini-${node.type}`} ariaLabel="Small map of the graph" />}
    </ReactFlow>
  );
});

function nodeOf(layout: Layout, name: string | undefined): PlacedNode | undefined {
  return name === undefined ? undefined : layout.nodes.find(({ state }) => state?.name === name);
}

function nodesOf(layout: Layout): Node[] {
  const places = placesOf(layout);
  const scopes = layout.scopes.map((scope): Node => ({
    ...framed(scope),
    id: `\u0000scope${scope.id}`,
    type: "scope",
    zIndex: 2 * scope.depth - 1,
    data: {},
    selectable: false,
  }));
  const nodes = layout.nodes.map((placed): Node => ({
    ...framed(placed),
    id: placed.id,
    type: placed.state ? "state" : "marker",
    zIndex: 2 * placed.depth,
    data: placed.state ? { placed, place: places.get(placed.id) } : { kind: placed.kind },
  }));
  // React Flow draws in this order what is on one level.
  return [...scopes, ...nodes].sort((a, b) => a.zIndex! - b.zIndex!);
}

function framed({ x, y, width, height }: { x: number; y: number; width: number; height: number }) {
  const handle = { width: 1, height: 1, x: width / 2 };
  return {
    position: { x, y },
    width,
    height,
    measured: { width, height },
    handles: [
      { ...handle, type: "target", position: "top", y: 0 },
      { ...handle, type: "source", position: "bottom", y: height },
    ] as Node["handles"],
  };
}

function edgesOf(layout: Layout): Edge[] {
  const places = placesOf(layout);
  return layout.edges.map((placed) => ({
    id: placed.id,
    source: placed.from,
    target: placed.to,
    type: "transition",
    zIndex: 2 * placed.depth,
    data: { placed, from: places.get(placed.from), to: places.get(placed.to) },
    focusable: false,
    selectable: false,
  }));
}

/** By id, for every state. */
function placesOf(layout: Layout): Map<string, NodePlace> {
  const nodes = new Map(layout.nodes.map((node) => [node.id, node]));
  const places = new Map<string, NodePlace>();
  for (const node of layout.nodes) {
    if (!node.state) continue;
    const maps: string[] = [];
    for (let around = node.parent && nodes.get(node.parent); around; around = around.parent && nodes.get(around.parent)) {
      if (around.state?.type === "Map") maps.unshift(around.state.name);
    }
    places.set(node.id, { name: node.state.name, maps });
  }
  return places;
}
