/** The graph beside a text: of the last text that could be read, dimmed while the present one cannot. */

import { useMemo, useRef } from "react";
import { Graph } from "../graph/Graph";
import { parseMachine, type Machine } from "../model/machine";
import type { StateChange } from "./state-diff";

export function GraphPane({ text, selected, onSelect, diff, label }: { text: string; selected: string; onSelect: (name: string) => void; diff?: Map<string, StateChange>; label?: string }) {
  const { machine, error } = useMemo(() => parseMachine(text), [text]);
  const good = useRef<Machine>(undefined);
  if (error === undefined) good.current = machine;
  const isOld = error !== undefined && good.current !== undefined;
  return (
    <div className="graph-pane">
      {isOld && <span className="badge tone-caught" role="status">Last valid graph</span>}
      <Graph machine={good.current ?? machine} selected={selected || undefined} onSelect={onSelect} dimmed={error !== undefined} diff={diff} label={label} />
    </div>
  );
}
