import { expect, test } from "vitest";
import { addAfter, addFirst, apply, remove, rename, setNext, type Change } from "./edits";
import { Source, type StateAt } from "./tree";

const MACHINE = `{
  "StartAt": "A",
  "Comment": "kept",
  "States": {
    "A": { "Type": "Pass", "Next": "B" },
    "B": {
      "Type": "Choice",
      "Choices": [{"Variable": "$.x",   "IsPresent": true, "Next": "A"}],
      "Default": "C"
    },
    "C": {
      "Type": "Parallel",
      "Branches": [{"StartAt": "In", "States": {"In": {"Type": "Pass", "End": true}}}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A"}],
      "End": true
    }
  }
}`;

function edited(text: string, name: string, edit: (source: Source, state: StateAt) => Change[]): string {
  const source = new Source(text);
  const state = source.state(name);
  if (!state) throw new Error(`no state ${name}`);
  const done = apply(text, edit(source, state));
  JSON.parse(done);
  return done;
}

test("a rename reaches every place that names the state, and nothing else", () => {
  const done = edited(MACHINE, "A", (source, state) => rename(source, state, 'Say "A"'));
  expect(done).toBe(MACHINE.replace('"StartAt": "A"', '"StartAt": "Say \\"A\\""').replace('"A": {', '"Say \\"A\\"": {').replaceAll('"Next": "A"', '"Next": "Say \\"A\\""'));
});

test("a state is added on the way that the one before went", () => {
  const done = edited(MACHINE, "A", (source, state) => addAfter(source, state, "Wait", "W"));
  expect(done).toContain('"A": { "Type": "Pass", "Next": "W" },\n    "W": {\n      "Type": "Wait",\n      "Seconds": 10,\n      "Next": "B"\n    },\n    "B": {');
  const behindChoice = edited(MACHINE, "B", (source, state) => addAfter(source, state, "Pass", "P"));
  expect(JSON.parse(behindChoice).States.B.Default).toBe("P");
  expect(JSON.parse(behindChoice).States.P).toEqual({ Type: "Pass", Next: "C" });
  const inside = edited(MACHINE, "In", (source, state) => addAfter(source, state, "Succeed", "S"));
  expect(JSON.parse(inside).States.C.Branches[0].States).toEqual({ In: { Type: "Pass", Next: "S" }, S: { Type: "Succeed" } });
});

test("what led to a state that is taken away leads to where it went", () => {
  const done = edited(MACHINE, "B", remove);
  expect(JSON.parse(done).States.A.Next).toBe("C");
  expect(Object.keys(JSON.parse(done).States)).toEqual(["A", "C"]);
  const first = JSON.parse(edited(MACHINE, "A", remove));
  expect([first.StartAt, first.States.B.Choices[0].Next, first.States.C.Catch[0].Next]).toEqual(["B", "B", "B"]);
});

test("where the last state is taken away, the one before ends", () => {
  const done = edited('{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Succeed"}}}', "B", remove);
  expect(done).toBe('{"StartAt":"A","States":{"A":{"Type":"Pass","End": true}}}');
});

test("a state is led elsewhere, or to its end", () => {
  expect(JSON.parse(edited(MACHINE, "A", (source, state) => setNext(source, state, ""))).States.A).toEqual({ Type: "Pass", End: true });
  expect(JSON.parse(edited(MACHINE, "C", (source, state) => setNext(source, state, "B"))).States.C.Next).toBe("B");
  expect(JSON.parse(edited(MACHINE, "B", (source, state) => setNext(source, state, ""))).States.B.Default).toBeUndefined();
});

test("an empty machine gets its first state", () => {
  const text = '{\n  "StartAt": "",\n  "States": {}\n}';
  const source = new Source(text);
  expect(apply(text, addFirst(source, source.scopes[0], "Succeed", "Done"))).toBe('{\n  "StartAt": "Done",\n  "States": {\n    "Done": {\n      "Type": "Succeed"\n    }\n  }\n}');
});

test("states are found by place, also in a text that does not parse", () => {
  const source = new Source(MACHINE.slice(0, -20));
  expect(source.stateAt(MACHINE.indexOf('"In": {') + 3)?.name).toBe("In");
  expect(source.stateAt(MACHINE.indexOf('"Branches"'))?.name).toBe("C");
  const place = source.at("/States/B/Choices/0/Next");
  expect(place && MACHINE.slice(place.from, place.to)).toBe('"Next"');
});
