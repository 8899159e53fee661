import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseMachine } from "../model/machine";
import { layout, type Box, type Layout, type PlacedNode } from "./layout";

type States = Record<string, object>;

function laidOut(states: States, startAt = Object.keys(states)[0]): Layout {
  return layout(parseMachine(JSON.stringify({ StartAt: startAt, States: states })).machine);
}

/** The same machine for the same seed, with loops, choices, catches, Parallels and Maps. */
export function randomStates(count: number, seed: number, depth = 0, prefix = ""): States {
  let value = seed;
  const random = (below: number) => (value = (value * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const name = (at: number) => `${prefix}State ${at}`;
  const states: States = {};
  for (let at = 0; at < count; at++) {
    const next = at + 1 < count ? { Next: name(at + 1) } : { End: true };
    const any = () => name(Math.max(0, Math.min(count - 1, at + random(14) - 4)));
    const kind = random(10);
    if (kind < 2) states[name(at)] = { Type: "Choice", Choices: [{ Variable: "$.status", StringEquals: "x", Next: any() }, { Condition: "{% $a > 3 %}", Next: any() }], Default: any() };
    else if (kind < 3) states[name(at)] = { Type: "Wait", Seconds: 1, ...next };
    else if (kind < 4 && depth < 2) states[name(at)] = { Type: "Parallel", Branches: [0, 1].map((branch) => inner(random(4) + 1, seed + at, depth + 1, `${name(at)}.${branch}.`)), ...next };
    else if (kind < 5 && depth < 2) states[name(at)] = { Type: "Map", ItemProcessor: inner(random(5) + 1, seed + at, depth + 1, `${name(at)}.`), ...next };
    else states[name(at)] = { Type: "Task", Resource: "arn:aws:states:::lambda:invoke", Catch: kind < 8 ? [] : [{ ErrorEquals: ["States.ALL"], Next: any() }], ...next };
  }
  return states;
}

function inner(count: number, seed: number, depth: number, prefix: string): object {
  const states = randomStates(count, seed, depth, prefix);
  return { StartAt: Object.keys(states)[0], States: states };
}

const example = () => layout(parseMachine(readFileSync(new URL("../../../examples/order-fulfilment/order-fulfilment.asl.json", import.meta.url), "utf8")).machine);

const isInside = (box: Box, around: Box) => box.x >= around.x - 0.6 && box.y >= around.y - 0.6 && box.x + box.width <= around.x + around.width + 0.6 && box.y + box.height <= around.y + around.height + 0.6;
const overlap = (a: Box, b: Box) => a.x + 0.5 < b.x + b.width && b.x + 0.5 < a.x + a.width && a.y + 0.5 < b.y + b.height && b.y + 0.5 < a.y + a.height;
const node = (made: Layout, id: string) => made.nodes.find((each) => each.id === id)!;

/** Points along a path of ours. */
function along(path: string): { x: number; y: number }[] {
  const points: { x: number; y: number }[] = [];
  let last = { x: 0, y: 0 };
  for (const [, command, rest] of path.matchAll(/([MLCQ])([^MLCQ]+)/g)) {
    const given = [...rest.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
    const all = [last, ...given];
    for (let part = 1; part <= 16 && command !== "M"; part++) {
      let level = all;
      const t = part / 16;
      while (level.length > 1) level = level.slice(1).map((point, at) => ({ x: level[at].x * (1 - t) + point.x * t, y: level[at].y * (1 - t) + point.y * t }));
      points.push(level[0]);
    }
    last = given.at(-1)!;
  }
  return points;
}

/** Everything that is wrong with a picture is collected first: one `expect` for each pair would take minutes. */
function check(made: Layout): void {
  const wrong: string[] = [];
  const must = (holds: boolean, what: () => string) => void (holds || wrong.push(what()));
  const groups = new Map(made.nodes.map((each) => [each.id, each]));
  const byParent = new Map<string | undefined, PlacedNode[]>();
  for (const each of made.nodes) byParent.set(each.parent, [...(byParent.get(each.parent) ?? []), each]);
  for (const nodes of byParent.values()) {
    for (const [at, a] of nodes.entries()) for (const b of nodes.slice(at + 1)) must(!overlap(a, b), () => `${a.id} over ${b.id}`);
  }
  for (const each of made.nodes) {
    if (each.parent) must(isInside(each, groups.get(each.parent)!), () => `${each.id} not in ${each.parent}`);
    must(isInside(each, { x: 0, y: 0, width: made.width, height: made.height }), () => `${each.id} outside`);
  }
  for (const scope of made.scopes) must(isInside(scope, groups.get(scope.parent)!), () => `${scope.id} outside of its group`);
  for (const edge of made.edges) {
    const beside = byParent.get(groups.get(edge.from)!.parent)!;
    for (const point of along(edge.path)) {
      for (const box of beside) {
        const hits = point.x > box.x + 1 && point.x < box.x + box.width - 1 && point.y > box.y + 1 && point.y < box.y + box.height - 1;
        if (hits && box.id !== edge.from && box.id !== edge.to) wrong.push(`${edge.from} to ${edge.to} through ${box.id}`);
      }
    }
    const { label } = edge;
    if (label) for (const box of beside) must(!overlap(label, box), () => `label of ${edge.id} over ${box.id}`);
  }
  const labels = made.edges.filter((edge) => edge.label);
  for (const [at, a] of labels.entries()) for (const b of labels.slice(at + 1)) must(!overlap(a.label!, b.label!), () => `labels of ${a.id} and ${b.id}`);
  expect(wrong).toEqual([]);
}

describe("layout", () => {
  it("keeps everything apart, and what is in a group in it", () => check(example()));

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])("does so for machine %i of chance", (seed) => check(laidOut(randomStates(10 + seed * 2, seed * 7_919))));

  it("keeps the Wait of a loop below its Choice, and leads back at the right", () => {
    const made = laidOut({
      Start: { Type: "Task", Next: "Check" },
      Check: { Type: "Task", Next: "Done?" },
      "Done?": { Type: "Choice", Choices: [{ Variable: "$.done", BooleanEquals: true, Next: "Ok" }], Default: "Wait" },
      Wait: { Type: "Wait", Seconds: 5, Next: "Check" },
      Ok: { Type: "Succeed" },
    });
    expect(node(made, "Wait").y).toBeGreaterThan(node(made, "Done?").y);
    expect(node(made, "Check").y).toBeLessThan(node(made, "Done?").y);
    const back = made.edges.filter((edge) => edge.isBack);
    expect(back.map((edge) => `${edge.from} to ${edge.to}`)).toEqual(["Wait to Check"]);
    const right = Math.max(...made.nodes.map((each) => each.x + each.width));
    expect(Math.max(...along(back[0].path).map((point) => point.x))).toBeGreaterThan(right);
    expect(node(made, "Ok").x).toBeLessThan(node(made, "Wait").x);
    check(made);
  });

  it("stands the branches of a Choice and of a Parallel in their order", () => {
    const names = ["First", "Second", "Third", "Fourth"];
    const made = laidOut({
      C: { Type: "Choice", Choices: names.slice(0, 3).map((name) => ({ Variable: "$.a", StringEquals: name, Next: name })), Default: "Fourth" },
      Fourth: { Type: "Pass", Next: "P" },
      Third: { Type: "Pass", Next: "P" },
      Second: { Type: "Pass", Next: "P" },
      First: { Type: "Pass", Next: "P" },
      P: { Type: "Parallel", Branches: ["A", "B", "D"].map((name) => ({ StartAt: name, States: { [name]: { Type: "Pass", End: true } } })), End: true },
    });
    const x = (name: string) => node(made, name).x;
    expect(names.toSorted((a, b) => x(a) - x(b))).toEqual(names);
    expect(["B", "D", "A"].toSorted((a, b) => x(a) - x(b))).toEqual(["A", "B", "D"]);
    check(made);
  });

  it("shows a state that leads to itself, one that is missing, and ones that nothing leads to", () => {
    const made = laidOut({ A: { Type: "Choice", Choices: [{ Variable: "$.a", IsNull: true, Next: "A" }], Default: "Nowhere" }, Alone: { Type: "Pass", Next: "Lost" }, Lost: { Type: "Succeed" } });
    expect(node(made, "Nowhere").state?.isMissing).toBe(true);
    expect(made.edges.find((edge) => edge.from === "A" && edge.to === "A")?.isBack).toBe(true);
    check(made);
    expect(layout(parseMachine("{").machine).nodes).toEqual([]);
  });

  it("follows machines that are deeper than dagre can", () => {
    const states: States = {};
    const last = 400;
    for (let at = 0; at < last; at++) {
      const [next, skip] = [`State ${at + 1}`, `State ${Math.min(last, at + 2 + (at % 3))}`];
      states[`State ${at}`] =
        at % 7 === 0
          ? { Type: "Choice", Choices: [{ Variable: "$.a", IsNull: true, Next: skip }], Default: next }
          : at % 5 === 0
            ? { Type: "Parallel", Branches: [{ StartAt: `In ${at}`, States: { [`In ${at}`]: { Type: "Pass", End: true } } }], Next: next }
            : { Type: "Task", Catch: [{ ErrorEquals: ["States.ALL"], Next: "Broken" }], Next: at % 50 === 49 ? `State ${at - 3}` : next };
    }
    // Where the way back leaves a gap, another one leads on.
    for (let at = 49; at < last; at += 50) states[`State ${at}`] = { Type: "Choice", Choices: [{ Variable: "$.again", BooleanEquals: true, Next: `State ${at - 3}` }], Default: `State ${at + 1}` };
    check(laidOut({ ...states, [`State ${last}`]: { Type: "Succeed" }, Broken: { Type: "Fail" } }));
  });

  it("gives the same machine the same picture", () => {
    const states = randomStates(40, 4);
    expect(laidOut(states)).toEqual(laidOut(states));
  });

  // Marks with room for a busy machine; `journeys/run.mjs marks` measures them in a browser.
  it.each([
    [34, 150],
    [200, 1_000],
    [1_000, 2_500],
  ])("of about %i states is made in less than %i ms", (count, mark) => {
    const machine = parseMachine(JSON.stringify({ StartAt: "State 0", States: randomStates(Math.ceil(count / 2.2), 11) })).machine;
    const start = performance.now();
    layout(machine);
    expect(performance.now() - start).toBeLessThan(2 * mark);
  });
});

it("puts the labels of a choice in the order of where they lead to", () => {
  const end = { Type: "Pass", End: true };
  const { nodes, edges } = layout(
    parseMachine(JSON.stringify({ StartAt: "Check", States: { Check: { Type: "Choice", Choices: [{ Variable: "$.n", NumericGreaterThan: 7, Next: "TooMany" }], Default: "OK" }, TooMany: end, OK: end } })).machine,
  );
  const x = (name: string) => nodes.find((node) => node.state?.name === name)!.x;
  const labels = edges.filter((edge) => edge.label).sort((a, b) => a.label!.x - b.label!.x);
  expect(labels.map(({ to }) => nodes.find(({ id }) => id === to)!.state!.name)).toEqual(["TooMany", "OK"]);
  expect(x("TooMany")).toBeLessThan(x("OK"));
});

it("draws one transition for the rules of a choice, and its default, that lead to one state", () => {
  const rule = (text: string, to: string) => ({ Variable: "$.a", StringEquals: text, Next: to });
  const { edges } = laidOut({
    C: { Type: "Choice", Choices: [rule("x", "Work"), rule("y", "Other")], Default: "Work" },
    Work: { Type: "Task", Catch: [{ ErrorEquals: ["States.ALL"], Next: "Other" }], Next: "Other" },
    Other: { Type: "Succeed" },
  });
  const between = (from: string, to: string) => edges.filter((edge) => edge.from === from && edge.to === to).map(({ label }) => label?.lines);
  expect(between("C", "Work")).toEqual([['$.a = "x"', "Default"]]);
  expect(between("Work", "Other")).toEqual([undefined, ["Catch States.ALL"]]);
});
