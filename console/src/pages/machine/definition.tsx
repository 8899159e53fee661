/** The definition of a state machine: text and graph side by side, with one selection. Loaded lazily. */

import { useCallback, useEffect, useMemo, useRef } from "react";
import type { Machine } from "../../api/types";
import { CodeEditor, type CodeHandle } from "../../editor/code-editor";
import { GraphPane } from "../../editor/graph-pane";
import { readable } from "../../editor/json-format";
import { sourceOf } from "../../editor/tree";
import { useQuery } from "../../router";
import { CopyButton } from "../../ui/parts";
import "../../editor/editor.css";

export function DefinitionTab({ machine }: { machine: Machine }) {
  const definition = useMemo(() => readable(machine.definition), [machine.definition]);
  const [selected, setSelected] = useQuery("state");
  const handle = useRef<CodeHandle>(null);
  const state = selected ? sourceOf(definition).state(selected) : undefined;
  const select = (name: string) => {
    setSelected(name);
    const there = sourceOf(definition).state(name);
    if (there) handle.current?.reveal(there.key.from);
  };
  const onCursor = useCallback((position: number) => {
    const here = sourceOf(definition).stateAt(position)?.name;
    if (here !== undefined) setSelected(here);
  }, [definition, setSelected]);
  // A link may name a state.
  useEffect(() => {
    if (selected) select(selected);
  }, []);
  return (
    <div className="pair tall">
      <div className="card">
        <div className="card-tools"><CopyButton text={machine.definition} /></div>
        <CodeEditor label="Definition" key={definition} initial={definition} onCursor={onCursor} selected={state && { from: state.property.from, to: state.property.to }} handle={handle} />
      </div>
      <div className="card"><div className="graph-place"><GraphPane text={definition} selected={selected} onSelect={select} /></div></div>
    </div>
  );
}
