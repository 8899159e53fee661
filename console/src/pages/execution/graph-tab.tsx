/** The graph, the states beside it, the iterations of the Map that is looked at, and the selected step. */

import { useMemo, useRef, type ReactNode } from "react";
import type { FollowedExecution } from "../../api/history";
import type { Execution, ExecutionStatus } from "../../api/types";
import { parseMachine } from "../../model/machine";
import { useIsNarrow } from "../../ui/narrow";
import { part } from "../../ui/part";
import { Empty, ErrorNotice, Loading } from "../../ui/parts";
import type { States } from "./definition";
import { ExecutionPayloads } from "./io";
import { bringInspector } from "./inspector";
import { Iterations } from "./iterations";
import { around, iterationsAround, lastOf, pickIteration, type Located, type Locations } from "./locate";
import type { Selection } from "./selection";
import { StateTree } from "./state-tree";

// The graph brings a canvas and a layout: nobody waits for it who only looks at a list.
export const Graph = part(async () => (await import("../../graph/Graph")).Graph, "Drawing the graph");

interface Props {
  followed: FollowedExecution;
  version: number;
  states: States | undefined;
  locations: Locations | undefined;
  selection: Selection;
  located: Located | undefined;
  select: (next: Selection) => void;
  execution: Execution;
  status: ExecutionStatus;
  inspector: ReactNode;
}

export function GraphTab({ followed, version, states, locations, selection, located, select, execution, status, inspector }: Props) {
  const { run, definition, definitionError } = followed;
  const machine = useMemo(() => (definition ? parseMachine(definition.definition).machine : undefined), [definition]);
  const isNarrow = useIsNarrow(820);
  // Whoever comes to a running execution wants to see where it is, and how it ends.
  const isRunning = status === "RUNNING";
  const wasRunning = useRef(false);
  wasRunning.current ||= isRunning;
  const focus = useMemo(() => (wasRunning.current && followed.isWhole ? (lastOf(run, "running") ?? lastOf(run))?.name : undefined), [run, version, isRunning, followed.isWhole]);
  if (definitionError !== undefined) return <ErrorNotice error={definitionError} retry={followed.retry} what="The definition that it runs could not be read" />;
  if (!machine || !locations) return <Loading what="Reading the definition" />;
  if (!states) return <Empty title="The definition is no state machine" />;
  const onState = (name: string, isTap = false) => {
    const chosen = locations.get(name);
    if (!chosen) return;
    if (isTap && isNarrow) bringInspector();
    // Of iterations that are looked at together, the one of the visit that tells most.
    const outer = chosen.isTogether && chosen.step ? iterationsAround(run, chosen.step) : around(chosen.node).flatMap((map) => locations.get(map.name)?.iteration ?? []);
    select({ state: name, step: chosen.step?.id, iterations: chosen.iteration === undefined ? outer : [...outer, chosen.iteration] });
  };
  const map = mapOf(located, locations);
  const maps = located ? [...around(located.node), located.node].map(({ name }) => locations.get(name)) : [map];
  const iterationsOf = maps.flatMap((each) => (each?.step && each.iteration !== undefined ? [{ step: each.step.id, iteration: each.iteration }] : []));
  return (
    <div className="graph-tab">
      <div className="graph-side">
        <StateTree states={states} locations={locations} selected={selection.state} focus={focus} onSelect={onState} />
        {map?.step && <Iterations key={map.step.id} run={run} version={version} map={map.step} picked={map.iteration} onPick={(index) => select(pickIteration(run, states, locations, selection, map.node.name, index))} />}
      </div>
      <div className="run-graph card">
        <Graph machine={machine} run={run} selected={selection.state} focus={focus} onFollow={isRunning ? () => select({ iterations: [] }) : undefined} onSelect={(name) => onState(name, true)} iterationsOf={iterationsOf} label="Graph of the execution" />
      </div>
      {inspector ?? (
        <section className="step-inspector card" aria-label="The execution as a whole">
          <header>
            <div className="grow">
              <h2>The whole execution</h2>
              <p className="small muted">Choose a state to see what went in and what came out of it.</p>
            </div>
          </header>
          <div className="body stack"><ExecutionPayloads execution={execution} status={status} heading="h3" /></div>
        </section>
      )}
    </div>
  );
}

/** The Map whose iterations are to be picked: the selected one, else the innermost around the selected state, else the only one. */
function mapOf(located: Located | undefined, locations: Locations): Located | undefined {
  if (located) {
    const chain = [...around(located.node), located.node];
    const inner = chain.findLast(({ type }) => type === "Map");
    return inner && locations.get(inner.name);
  }
  const maps = [...locations.values()].filter(({ node }) => node.type === "Map");
  return maps.length === 1 ? maps[0] : undefined;
}
