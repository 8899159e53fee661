/** The graph beside a text: of the last text that could be drawn, dimmed while the present one cannot. */

import { useRef } from "react";
import type { StateChange } from "./state-diff";
import { sourceOf } from "./tree";

export function GraphPane({ text, selected, onSelect }: { text: string; selected: string; onSelect: (name: string) => void; diff?: Map<string, StateChange> }) {
  const last = useRef(text);
  const source = sourceOf(text);
  if (source.states.length) last.current = text;
  return (
    <ul className="graph-pane" style={{ padding: 12, overflow: "auto" }}>
      {source.states.map((state) => <li key={state.name}><button type="button" className="button small" aria-pressed={state.name === selected} onClick={() => onSelect(state.name)}>{state.name}</button></li>)}
    </ul>
  );
}
