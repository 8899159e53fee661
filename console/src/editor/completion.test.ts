import { CompletionContext } from "@codemirror/autocomplete";
import { json } from "@codemirror/lang-json";
import { EditorState } from "@codemirror/state";
import { expect, test } from "vitest";
import { complete } from "./completion";

/** What is offered where `|` stands; what stands between the quotes is what it is narrowed by. */
function offered(text: string): string[] {
  const pos = text.indexOf("|");
  const state = EditorState.create({ doc: text.replace("|", ""), extensions: [json()] });
  const result = complete(new CompletionContext(state, pos, true));
  if (result) expect(state.sliceDoc(result.from, result.to)).not.toContain('"');
  return result?.options.map((option) => option.label) ?? [];
}

test("where a state is named, the states of its scope are offered", () => {
  expect(offered('{"StartAt": "|", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Parallel", "Branches": [{"StartAt": "C", "States": {"C": {}}}]}}}')).toEqual(["A", "B"]);
  expect(offered('{"StartAt": "A", "States": {"B": {"Type": "Parallel", "Branches": [{"StartAt": "x|", "States": {"C": {}}}]}}}')).toEqual(["C"]);
});

test("the fields of a state are those of its type that are not there yet", () => {
  const fields = offered('{"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [], "|"}}}');
  expect(fields).toContain("Default");
  expect(fields).not.toContain("Choices");
  expect(fields).not.toContain("Next");
  expect(offered('{"StartAt": "A", "States": {"A": {"Type": "Task", "Retry": [{"ErrorEquals": [], "|": 1}]}}}')).toContain("BackoffRate");
});

test("among states, new states are offered", () => {
  expect(offered('{"States": {"A": {"Type": "Pass"}, "|"}}')).toEqual(["Task", "Pass", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail"]);
  expect(offered('{"States": {"A|": {"Type": "Pass"}}}')).toEqual([]);
});

test("values of a few fields are offered", () => {
  expect(offered('{"States": {"A": {"Type": "|"}}}')).toContain("Parallel");
  expect(offered('{"States": {"A": {"Type": "Task", "Catch": [{"ErrorEquals": ["|"]}]}}}')).toContain("States.ALL");
  expect(offered('{"Comment": "|"}')).toEqual([]);
});
