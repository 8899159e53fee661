/** What the graph is drawn with: states, groups, branches, markers and transitions. */

import { EdgeLabelRenderer, Handle, Position, type Edge, type EdgeProps, type Node, type NodeProps } from "@xyflow/react";
import { createContext, memo, useContext, useMemo, useSyncExternalStore } from "react";
import { Icon } from "../ui/icons";
import { stepTone } from "../ui/status";
import { Elapsed } from "../ui/time";
import type { PlacedEdge, PlacedNode } from "./layout";
import { TypeIcon } from "./TypeIcon";
import { describeIterations, GraphView, type Difference, type NodePlace, type NodeView } from "./view";

export type StateNode = Node<{ placed: PlacedNode; place: NodePlace }, "state">;
export type TransitionEdge = Edge<{ placed: PlacedEdge; from?: NodePlace; to?: NodePlace }, "transition">;

export const GraphContext = createContext<GraphView>(new GraphView());

const DIFFERENCES: Record<Difference, { sign: string; text: string }> = {
  added: { sign: "+", text: "Added" },
  removed: { sign: "−", text: "Removed" },
  changed: { sign: "~", text: "Changed" },
};

/** The few facts of one part, drawn again only when they are others. */
function useFacts<Facts>(read: (view: GraphView) => Facts): Facts {
  const view = useContext(GraphContext);
  const text = useSyncExternalStore(view.subscribe, () => JSON.stringify(read(view)));
  return useMemo(() => JSON.parse(text) as Facts, [text]);
}

interface StateFacts extends NodeView {
  selected: boolean;
  isRun: boolean;
  difference?: Difference;
}

export const StatePart = memo(function StatePart({ data: { placed, place } }: NodeProps<StateNode>) {
  const facts = useFacts<StateFacts>((view) => ({
    ...view.nodeView(place),
    selected: view.isSelected(place.name),
    isRun: view.hasRun,
    difference: view.differenceOf(place.name),
  }));
  const { status, selected, isRun, difference } = facts;
  const state = placed.state!;
  const classes = ["graph-state", `graph-${placed.kind}`, status ? `status-${status}` : isRun ? "is-untaken" : "is-plain"];
  if (selected) classes.push("is-selected");
  if (state.isMissing) classes.push("is-missing");
  if (difference) classes.push(`is-${difference}`);
  return (
    <div className={classes.join(" ")}>
      <Anchors />
      <div className="graph-head" title={titleOf(placed, facts)}>
        <span className="graph-type"><TypeIcon type={state.type} size={18} /></span>
        <div className="graph-text">
          <div className="graph-first">
            <span className="graph-name ellipsis">{state.name}</span>
            {facts.retries > 0 && <span className="graph-mark"><Icon name="retry" size={11} /><span className="visually-hidden">retries: </span>{facts.retries}</span>}
            {facts.visits > 1 && <span className="graph-mark"><span className="visually-hidden">entered </span>{facts.visits.toLocaleString()}×</span>}
            {facts.caught && <span className="graph-mark status-caught"><Icon name="caught" size={11} /><span className="visually-hidden">caught an error</span></span>}
          </div>
          <div className="graph-second">
            <span className="graph-kind">{state.isMissing ? "Not defined" : state.isDistributed ? "Distributed Map" : state.type || "No type"}</span>
            {status ? <Status facts={facts} /> : state.calls && <span className="graph-calls ellipsis">{state.calls}</span>}
            {difference && <span className="graph-difference"><b aria-hidden="true">{DIFFERENCES[difference].sign}</b> {DIFFERENCES[difference].text}</span>}
          </div>
        </div>
      </div>
    </div>
  );
});

function Status({ facts: { status, iterations, enteredAt, endedAt } }: { facts: NodeView }) {
  const { icon, text } = stepTone(status!);
  return (
    <span className="graph-status">
      <Icon name={icon} size={12} />
      {iterations && iterations.total > 0 ? <><span className="visually-hidden">{text}, </span>{describeIterations(iterations)}</> : text}
      {enteredAt !== undefined && !iterations && (endedAt === undefined || endedAt - enteredAt >= 0.001) && (
        <span className="graph-time"><Elapsed from={enteredAt} to={endedAt} /></span>
      )}
    </span>
  );
}

function titleOf({ state }: PlacedNode, { status, iterations }: NodeView): string {
  const lines = [state!.name, [state!.type, state!.resource].filter(Boolean).join(" ")];
  if (status) lines.push(stepTone(status).text + (iterations ? `: ${describeIterations(iterations)}` : ""));
  if (state!.comment) lines.push(state!.comment);
  return lines.filter(Boolean).join("\n");
}

/** Where transitions begin and end for React Flow. They are not to be seen: paths are ours. */
function Anchors() {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
}

export const MarkerPart = memo(function MarkerPart({ data: { kind } }: NodeProps<Node<{ kind: "start" | "end" }, "marker">>) {
  return (
    <div className="graph-marker">
      <Anchors />
      {kind === "start" ? "Start" : "End"}
    </div>
  );
});

/** A branch of a Parallel, or the processor of a Map. */
export const ScopePart = memo(function ScopePart() {
  return <div className="graph-scope" />;
});

export const TransitionPart = memo(function TransitionPart({ data }: EdgeProps<TransitionEdge>) {
  const { placed, from, to } = data!;
  const { isTaken, isRun, isReached } = useFacts((view) => ({
    isTaken: view.isTaken(from, to, placed.kind),
    isRun: view.hasRun,
    // Another transition that was taken ends at the same point.
    isReached: !placed.isBack && to !== undefined && view.nodeView(to).visits > 0,
  }));
  const classes = `graph-transition kind-${placed.kind} ${isTaken ? "is-taken" : isRun ? "is-untaken" : ""}`;
  const { tip, label } = placed;
  return (
    <>
      <g className={classes}>
        <path className="graph-line" d={placed.path} />
        {(isTaken || !isReached) && <path className="graph-tip" d={`M${tip.x - 4.5},${tip.y - 8}L${tip.x + 4.5},${tip.y - 8}L${tip.x},${tip.y}Z`} />}
      </g>
      {label && (
        <EdgeLabelRenderer>
          <div
            className={`graph-label ${classes}`}
            title={label.lines.join("\n")}
            style={{ transform: `translate(${label.x}px, ${label.y}px)`, width: label.width, height: label.height, zIndex: 2 * placed.depth + 1 }}
          >
            {label.lines.map((line, at) => <span key={at} className="ellipsis">{line}</span>)}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
});
