import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../api/types";
import { Run } from "../model/run";
import { GraphView } from "./view";

/** Two iterations of `Outer` with two of `Inner` each; `Outer#1`, `Inner#1` goes on. */
function nested(): Run {
  const run = new Run();
  const events: HistoryEvent[] = [];
  const add = (previousEventId: number, type: string, details: object = {}): number => {
    events.push({ id: events.length + 1, previousEventId, type, timestamp: events.length, someEventDetails: details });
    return events.length;
  };
  const start = add(0, "ExecutionStarted");
  const outer = add(add(start, "MapStateEntered", { name: "Outer" }), "MapStateStarted", { length: 2 });
  for (const index of [0, 1]) {
    const iteration = add(outer, "MapIterationStarted", { name: "Outer", index });
    const inner = add(add(iteration, "MapStateEntered", { name: "Inner" }), "MapStateStarted", { length: 2 });
    for (const each of [0, 1]) {
      const begun = add(inner, "MapIterationStarted", { name: "Inner", index: each });
      const entered = add(begun, "PassStateEntered", { name: "Work" });
      if (index === 0 || each === 0) add(add(entered, "PassStateExited", { name: "Work" }), "MapIterationSucceeded", { name: "Inner", index: each });
    }
  }
  run.append(events);
  return run;
}

describe("GraphView", () => {
  it("restricts what is in a Map to the iterations that are picked of it and of those around it", () => {
    const run = nested();
    const view = new GraphView();
    const work = () => view.nodeView({ name: "Work", maps: ["Outer", "Inner"] });
    const [outer] = run.childrenOf(undefined);
    const second = run.childrenOf(outer.id, 1)[0];
    view.show(run, [], undefined, undefined);
    expect(work()).toMatchObject({ visits: 4, status: "running" });
    view.show(run, [{ step: outer.id, iteration: 0 }], undefined, undefined);
    expect(work()).toMatchObject({ visits: 2, status: "succeeded" });
    const both = [{ step: outer.id, iteration: 1 }, { step: second.id, iteration: 0 }];
    view.show(run, both, undefined, undefined);
    expect(work()).toMatchObject({ visits: 1, status: "succeeded" });
    expect(view.nodeView({ name: "Inner", maps: ["Outer"] })).toMatchObject({ visits: 1, status: "running" });
  });
});
