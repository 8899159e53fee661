import { expect, test } from "vitest";
import { diffStates } from "./state-diff";

const pass = { Type: "Pass", End: true };
const machine = (States: object) => JSON.stringify({ StartAt: "A", States });

test("states are added, removed and changed", () => {
  const before = machine({ A: pass, B: pass, C: { Type: "Wait", Seconds: 1, End: true } });
  const after = machine({ A: { End: true, Type: "Pass" }, C: { Type: "Wait", Seconds: 2, End: true }, D: pass });
  expect([...diffStates(before, after)]).toEqual([["C", "changed"], ["D", "added"], ["B", "removed"]]);
});

test("a state that holds others is not changed by what changes in them", () => {
  const parallel = (inner: object) => machine({ P: { Type: "Parallel", Branches: [{ StartAt: "I", States: { I: inner } }], End: true } });
  expect([...diffStates(parallel(pass), parallel({ ...pass, Comment: "x" }))]).toEqual([["I", "changed"]]);
});
