/** Histories as AWS and Stepwell write them, and what a `Run` makes of them. */

import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../api/types";
import { Run, type Step } from "./run";

/** `"4<3 MapIterationStarted Prices#0"`: id, the event before it, type, and name, index, length or error. */
function history(text: string): HistoryEvent[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [, id, before, type, name, index, length, error] = /^\s*(\d+)<(\d+) (\w+)(?: ([\w ]*?))?(?:#(\d+))?(?: ?len(\d+))?(?: ?!([\w.]+))?$/.exec(line)!;
      const details = {
        ...(name ? { name, state: name } : {}),
        ...(index ? { index: Number(index) } : {}),
        ...(length ? { length: Number(length) } : {}),
        ...(error ? { error, cause: "because" } : {}),
      };
      return { id: Number(id), previousEventId: Number(before), type, timestamp: Number(id), someEventDetails: details };
    });
}

function read(text: string): Run {
  const run = new Run();
  run.append(history(text));
  return run;
}

const shown = (steps: Iterable<Step>) => [...steps].map((step) => `${step.name} ${step.status}`);

const MAP_IN_MAP = `
1<0 ExecutionStarted
2<0 MapStateEntered Outer
3<2 MapStateStarted len2
4<3 MapIterationStarted Outer#0
5<4 MapStateEntered Inner
6<5 MapStateStarted len2
7<6 MapIterationStarted Inner#0
8<7 PassStateEntered P
9<8 PassStateExited P
10<9 MapIterationSucceeded Inner#0
11<9 MapIterationStarted Inner#1
12<11 PassStateEntered P
13<12 PassStateExited P
14<13 MapIterationSucceeded Inner#1
15<13 MapStateSucceeded
16<13 MapStateExited Inner
17<16 MapIterationSucceeded Outer#0
18<16 MapIterationStarted Outer#1
19<18 MapStateEntered Inner`;

const PARALLEL_RETRIED = `
1<0 ExecutionStarted
2<0 ParallelStateEntered P
3<2 ParallelStateStarted
4<3 WaitStateEntered A
5<3 WaitStateEntered C
6<3 MapStateEntered M
7<6 MapStateStarted len2
8<7 MapIterationStarted M#0
9<7 MapIterationStarted M#1
10<8 WaitStateEntered X
11<9 WaitStateEntered X
12<4 WaitStateExited A
13<12 FailStateEntered B
14<13 WaitStateAborted
15<13 MapStateAborted
16<13 WaitStateAborted
17<13 WaitStateAborted
18<13 MapIterationAborted M#0
19<13 MapIterationAborted M#1
20<13 ParallelStateStarted
21<20 WaitStateEntered A
22<20 WaitStateEntered C
23<20 MapStateEntered M
24<21 WaitStateExited A
25<24 FailStateEntered B
26<25 WaitStateAborted
27<25 MapStateAborted
28<25 ParallelStateFailed
29<28 ParallelStateExited P
30<29 PassStateEntered Z
31<30 PassStateExited Z
32<31 ExecutionSucceeded`;

const REDRIVEN = `
1<0 ExecutionStarted
2<0 ParallelStateEntered P
3<2 ParallelStateStarted
4<3 TaskStateEntered T
5<3 TaskStateEntered C
6<4 TaskScheduled
7<5 TaskScheduled
8<6 TaskStarted
9<7 TaskStarted
10<8 TaskFailed !Boom
11<10 TaskStateAborted
12<10 TaskStateAborted
13<10 ParallelStateFailed
14<13 ExecutionFailed !Boom`;

describe("Run", () => {
  it("counts what was in an earlier go at a Map or Parallel no more, and keeps it", () => {
    const run = read(PARALLEL_RETRIED);
    const now = (name: string) => run.tallyOf(name)?.visits;
    expect([now("A"), now("B"), now("C"), now("M"), now("X")]).toEqual([1, 1, 1, 1, 0]);
    expect(run.tallyOf("X")?.statuses.aborted).toBe(0);
    expect(run.tallyOf("A")?.next.get("B")).toBe(1);
    expect(run.visitsOf("X").map((step) => step.isSuperseded)).toEqual([true, true]);
    const [parallel] = run.childrenOf(undefined);
    expect(run.childrenOf(parallel.id).length).toBe(8);
  });

  it("tells iterations of nested Maps apart though the next one follows the last step of the one before", () => {
    const run = read(MAP_IN_MAP);
    const [outer] = run.childrenOf(undefined);
    expect(outer.iterations).toEqual({ total: 2, started: 2, succeeded: 1, failed: 0, aborted: 0 });
    const [inner] = run.childrenOf(outer.id, 0);
    expect(run.iterationsOf(inner.id).map((each) => `${each.index} ${each.status}`)).toEqual(["0 succeeded", "1 succeeded"]);
    expect(run.childrenOf(inner.id, 1).map((step) => step.id)).toEqual([12]);
    expect(shown(run.childrenOf(outer.id, 1))).toEqual(["Inner running"]);
    expect(run.stepOf(11)).toBe(inner);
    expect(run.tallyOf("P")).toMatchObject({ visits: 2, statuses: { succeeded: 2 } });
  });

  it("ends what a failing branch aborts, and shows every go of a Parallel", () => {
    const run = read(PARALLEL_RETRIED);
    expect(shown(run.steps.values())).toEqual([
      "P caught", "A succeeded", "C aborted", "M aborted", "X aborted", "X aborted", "B failed",
      "A succeeded", "C aborted", "M aborted", "B failed", "Z succeeded",
    ]);
    const [p] = run.visitsOf("P");
    expect(p.attempts.map((attempt) => attempt.status)).toEqual(["failed", "failed"]);
    expect(run.stepOf(14)?.name).toBe("C");
    expect(run.stepOf(16)?.id).toBe(10);
    expect(run.iterationsOf(6).map((each) => each.status)).toEqual(["aborted", "aborted"]);
    expect(run.tallyOf("P")?.next.get("Z")).toBe(1);
    expect(run.rootCause()).toBeUndefined();
  });

  it("looks for what a failure aborts beside it: also what waits for a retry, and its own event last", () => {
    const run = read(`
      1<0 ExecutionStarted
      2<0 MapStateEntered M
      3<2 MapStateStarted len2
      4<3 MapIterationStarted M#0
      5<3 MapIterationStarted M#1
      6<4 ParallelStateEntered P
      7<6 ParallelStateStarted
      8<7 TaskStateEntered A
      9<7 TaskStateEntered B
      10<8 TaskScheduled
      11<9 TaskScheduled
      12<5 TaskStateEntered Elsewhere
      13<12 TaskScheduled
      14<10 TaskFailed !E.Retried
      15<11 TaskFailed !E.Final
      16<15 TaskStateAborted
      17<15 TaskStateAborted
      18<15 ParallelStateFailed
      19<18 MapIterationFailed M#0
      20<18 TaskStateAborted`);
    expect([16, 17, 20].map((id) => run.stepOf(id)?.name)).toEqual(["A", "B", "Elsewhere"]);
    expect(shown(run.steps.values())).toEqual(["M running", "P failed", "A aborted", "B failed", "Elsewhere aborted"]);
  });

  it("goes on after a redrive with what had failed", () => {
    const run = read(REDRIVEN);
    expect(shown(run.steps.values())).toEqual(["P failed", "T failed", "C aborted"]);
    expect(run.rootCause()).toMatchObject({ name: "T", error: "Boom", cause: "because", failureEventId: 10 });
    run.append(history("15<14 ExecutionRedriven\n16<4 TaskScheduled\n17<5 TaskScheduled"));
    expect(shown(run.steps.values())).toEqual(["P running", "T running", "C running"]);
    expect(run.rootCause()).toBeUndefined();
    expect(run.visitsOf("T")[0].attempts).toMatchObject([{ status: "failed" }, { status: "running", isRedrive: true }]);
    expect(run.tallyOf("T")?.retries).toBe(0);
    run.append(history("18<16 TaskSucceeded\n19<18 TaskStateExited T\n20<17 TaskSucceeded\n21<20 TaskStateExited C\n22<21 ParallelStateSucceeded\n23<21 ParallelStateExited P\n24<23 ExecutionSucceeded"));
    expect(shown(run.steps.values())).toEqual(["P succeeded", "T succeeded", "C succeeded"]);
    expect(run.visitsOf("T")[0].error).toBeUndefined();
  });

  it("does not count as waiting what was before a redrive", () => {
    const run = read("1<0 ExecutionStarted\n2<0 WaitStateEntered W\n3<0 ExecutionTimedOut !States.Timeout\n10<3 ExecutionRedriven");
    const [step] = run.childrenOf(undefined);
    expect(step.attempts).toMatchObject([{ status: "timedout", startedAt: 2, endedAt: 3, error: "States.Timeout" }, { status: "running", startedAt: 10, isRedrive: true }]);
    expect(run.tallyOf("W")).toMatchObject({ visits: 1, retries: 0, statuses: { running: 1 } });
    run.append(history("11<0 ExecutionTimedOut !States.Timeout\n20<11 ExecutionRedriven\n21<2 WaitStateExited W\n22<21 ExecutionSucceeded"));
    expect(step.attempts).toMatchObject([{ endedAt: 3 }, { status: "timedout", startedAt: 10, endedAt: 11 }, { status: "succeeded", startedAt: 20, endedAt: 21, isRedrive: true }]);
  });

  it("finds a redriven task though its call follows the redrive itself", () => {
    const run = read("1<0 ExecutionStarted\n2<0 TaskStateEntered T\n3<2 TaskScheduled\n4<3 TaskFailed !Boom\n5<4 ExecutionFailed !Boom\n6<5 ExecutionRedriven\n7<6 TaskScheduled\n8<7 TaskStarted");
    expect(run.stepOf(8)?.name).toBe("T");
    expect(run.visitsOf("T")[0]).toMatchObject({ status: "running", attempts: [{ status: "failed" }, { status: "running" }] });
  });

  it("shows retries and what was caught", () => {
    const run = read(`
1<0 ExecutionStarted
2<0 TaskStateEntered T
3<2 LambdaFunctionScheduled
4<3 LambdaFunctionStarted
5<4 LambdaFunctionFailed !First
6<5 LambdaFunctionScheduled
7<6 LambdaFunctionStarted
8<7 LambdaFunctionTimedOut !States.Timeout
9<8 TaskStateExited T
10<9 ChoiceStateEntered Next`);
    const [task] = run.visitsOf("T");
    expect(task).toMatchObject({ status: "caught", error: "States.Timeout", failureEventId: 8, exitEventId: 9, endedAt: 9 });
    expect(task.attempts).toMatchObject([
      { status: "failed", error: "First", scheduledAt: 3, startedAt: 4, endedAt: 5, resourceType: "lambda" },
      { status: "timedout", error: "States.Timeout", scheduledEventId: 6, lastEventId: 8 },
    ]);
    expect(run.tallyOf("T")).toMatchObject({ visits: 1, retries: 1 });
  });

  it("starts a Map again for a Retrier, and fails it with its iteration", () => {
    const run = read(`
1<0 ExecutionStarted
2<0 PassStateEntered Start
3<2 PassStateExited Start
4<3 MapStateEntered M
5<4 MapStateStarted len2
6<5 MapIterationStarted M#0
7<5 MapIterationStarted M#1
8<6 FailStateEntered F
9<7 WaitStateEntered W
10<8 MapIterationFailed M#0
11<8 WaitStateAborted
12<8 MapIterationAborted M#1
13<8 MapStateStarted len2
14<13 MapIterationStarted M#0
15<14 FailStateEntered F
16<15 MapIterationFailed M#0
17<15 MapStateFailed
18<17 ExecutionFailed !Bad`);
    const [map] = run.visitsOf("M");
    expect(map).toMatchObject({ status: "failed", error: "Bad", iterations: { total: 2, started: 1, succeeded: 0, failed: 1, aborted: 0 } });
    expect(map.attempts).toHaveLength(2);
    expect(shown(run.visitsOf("W"))).toEqual(["W aborted"]);
    expect(run.rootCause()).toMatchObject({ id: 15, name: "F", error: "Bad", iteration: 0 });
  });

  it("gives an evaluation that failed to the state it names", () => {
    const run = read("1<0 ExecutionStarted\n2<0 TaskStateEntered T\n3<2 TaskStateExited T\n4<3 PassStateEntered P\n5<3 EvaluationFailed P !States.QueryEvaluationError\n6<5 ExecutionFailed !States.QueryEvaluationError");
    expect(run.stepOf(5)?.name).toBe("P");
    expect(shown(run.steps.values())).toEqual(["T succeeded", "P failed"]);
    expect(run.rootCause()).toMatchObject({ name: "P", error: "States.QueryEvaluationError", failureEventId: 5 });
  });

  it("ends with the execution what was open", () => {
    const open = "1<0 ExecutionStarted\n2<0 ParallelStateEntered P\n3<2 ParallelStateStarted\n4<3 WaitStateEntered W\n5<3 PassStateEntered A\n6<5 PassStateExited A";
    const stopped = read(`${open}\n7<0 ExecutionAborted`);
    expect(shown(stopped.steps.values())).toEqual(["P aborted", "W aborted", "A succeeded"]);
    const late = read(`${open}\n7<0 ExecutionTimedOut !States.Timeout`);
    expect(shown(late.steps.values())).toEqual(["P timedout", "W timedout", "A succeeded"]);
    expect(late.rootCause()).toMatchObject({ name: "W", error: "States.Timeout" });
  });

  it("skips what it has seen", () => {
    const events = history(PARALLEL_RETRIED);
    const run = new Run();
    run.append(events.slice(0, 20));
    const before = run.version;
    run.append(events.slice(0, 20));
    expect(run.version).toBe(before);
    run.append(events.slice(10));
    expect(run.events).toHaveLength(events.length);
    expect(shown(run.steps.values())).toEqual(shown(read(PARALLEL_RETRIED).steps.values()));
  });

  it("survives histories that make no sense", () => {
    const events = history(PARALLEL_RETRIED + MAP_IN_MAP.replace(/^(\d+)/gm, (id) => String(Number(id) + 32)));
    for (let skipped = 0; skipped < events.length; skipped++) {
      const run = new Run();
      run.append(events.filter((event) => event.id % 7 !== skipped % 7));
      expect(run.events.length).toBeGreaterThan(0);
    }
  });
});

/** A Map over many items at once, each a task that is tried twice, then a choice. */
function large(events: number): HistoryEvent[] {
  const made: HistoryEvent[] = [];
  const add = (previousEventId: number, type: string, details: object = {}) => {
    const id = made.length + 1;
    made.push({ id, previousEventId, timestamp: id / 1_000, type, someEventDetails: details });
    return id;
  };
  const items = Math.floor(events / 11);
  add(0, "ExecutionStarted");
  const started = add(add(0, "MapStateEntered", { name: "Each" }), "MapStateStarted", { length: items });
  let tails = Array.from({ length: items }, (_, index) => add(started, "MapIterationStarted", { name: "Each", index }));
  const all = (type: string, details: object = {}) => (tails = tails.map((tail) => add(tail, type, details)));
  all("TaskStateEntered", { name: "Call" });
  for (const type of ["TaskScheduled", "TaskStarted", "TaskFailed", "TaskScheduled", "TaskStarted", "TaskSucceeded"]) all(type);
  all("TaskStateExited", { name: "Call" });
  all("WaitStateEntered", { name: "Rest" });
  // The last item fails, and all others are aborted for it.
  const failed = add(add(tails.at(-1)!, "WaitStateExited", { name: "Rest" }), "FailStateEntered", { name: "Bad" });
  for (let index = 0; index < items - 1; index++) add(failed, "WaitStateAborted");
  add(failed, "MapIterationFailed", { name: "Each", index: items - 1 });
  add(add(failed, "MapStateFailed"), "ExecutionFailed", { error: "Bad" });
  return made;
}

describe("a large history", () => {
  it.each([
    [25_000, 100],
    [100_000, 500],
  ])("of %i events is read in %i ms", (size, limitMs) => {
    const events = large(size);
    new Run().append(events);
    const run = new Run();
    const start = performance.now();
    for (let at = 0; at < events.length; at += 1_000) run.append(events.slice(at, at + 1_000));
    const ms = performance.now() - start;
    console.log(`${events.length} events: ${ms.toFixed(0)} ms`);
    expect(run.visitsOf("Each")[0].iterations).toMatchObject({ failed: 1, aborted: Math.floor(size / 11) - 1 });
    expect(run.rootCause()?.name).toBe("Bad");
    // The machine that runs the tests may be busy.
    expect(ms).toBeLessThan(limitMs * 3);
  });
});
