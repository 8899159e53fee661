/** What may be written at a place of a definition: names of states where one is named, fields of a state by its type. */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { freeName, stateText, STATE_TYPES } from "./edits";
import { Source, unquote } from "./tree";

const COMMON = ["Type", "Comment", "QueryLanguage"];
const FLOW = ["Next", "End", "Assign"];
const DATA = ["InputPath", "OutputPath", "Parameters", "ResultPath", "ResultSelector", "Arguments", "Output"];
const TROUBLE = ["Retry", "Catch", "TimeoutSeconds", "HeartbeatSeconds"];

const FIELDS: Record<string, string[]> = {
  Task: [...COMMON, "Resource", ...DATA, ...TROUBLE, "Credentials", ...FLOW],
  Pass: [...COMMON, "Result", "InputPath", "OutputPath", "Parameters", "ResultPath", "Output", ...FLOW],
  Choice: [...COMMON, "Choices", "Default", "InputPath", "OutputPath", "Output", "Assign"],
  Wait: [...COMMON, "Seconds", "SecondsPath", "Timestamp", "TimestampPath", "InputPath", "OutputPath", "Output", ...FLOW],
  Succeed: [...COMMON, "InputPath", "OutputPath", "Output"],
  Fail: [...COMMON, "Error", "ErrorPath", "Cause", "CausePath"],
  Parallel: [...COMMON, "Branches", ...DATA, "Retry", "Catch", ...FLOW],
  Map: [...COMMON, "Items", "ItemsPath", "ItemSelector", "ItemProcessor", "ItemReader", "ItemBatcher", "ResultWriter", "MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage", "Label", ...DATA, "Retry", "Catch", ...FLOW],
};

const RULE = ["Variable", "Next", "And", "Or", "Not", "Condition", "Assign", "Output", "StringEquals", "StringMatches", "NumericEquals", "NumericGreaterThan", "NumericLessThan", "BooleanEquals", "TimestampEquals", "TimestampLessThan", "IsPresent", "IsNull", "IsString", "IsNumeric", "IsBoolean"];
const MEMBERS: Record<string, string[]> = {
  Choices: RULE, And: RULE, Or: RULE, Not: RULE,
  Retry: ["ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"],
  Catch: ["ErrorEquals", "Next", "ResultPath", "Assign", "Output"],
  Branches: ["StartAt", "States", "Comment"],
  ItemProcessor: ["ProcessorConfig", "StartAt", "States", "Comment"],
  ProcessorConfig: ["Mode", "ExecutionType"],
};
const MACHINE = ["Comment", "StartAt", "States", "QueryLanguage", "TimeoutSeconds", "Version"];

const VALUES: Record<string, string[]> = {
  Type: [...STATE_TYPES],
  QueryLanguage: ["JSONPath", "JSONata"],
  Mode: ["INLINE", "DISTRIBUTED"],
  ExecutionType: ["STANDARD", "EXPRESS"],
  JitterStrategy: ["FULL", "NONE"],
  Resource: ["arn:aws:states:::lambda:invoke", "arn:aws:states:::sqs:sendMessage", "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "arn:aws:states:::sns:publish", "arn:aws:states:::dynamodb:getItem", "arn:aws:states:::dynamodb:putItem", "arn:aws:states:::states:startExecution.sync:2", "arn:aws:states:::events:putEvents", "arn:aws:states:::http:invoke"],
};
const ERRORS = ["States.ALL", "States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout", "States.Permissions", "States.DataLimitExceeded", "States.ItemReaderFailed", "Lambda.TooManyRequestsException"];

export function complete(context: CompletionContext): CompletionResult | null {
  const source = new Source(context.state.doc.toString());
  if (!source.root) return null;
  const node = source.root.resolveInner(context.pos, -1);
  const from = node.from;
  if (node.name === "String" && node.to > context.pos - 1 && context.pos > from) {
    // A key that has no value yet looks like a value.
    const property = node.parent;
    if (property?.name === "Property") {
      const key = property.getChild("PropertyName");
      if (key) return answer(valuesOf(source, unquote(source.slice(key)), context.pos), from, node.to, source.text);
    }
    if (property?.name === "Array") {
      const owner = property.parent?.getChild("PropertyName");
      return owner && unquote(source.slice(owner)) === "ErrorEquals" ? answer(ERRORS.map((label) => ({ label })), from, node.to, source.text) : null;
    }
  }
  if ((node.name === "PropertyName" || node.name === "String") && context.pos > from) {
    const snippets = snippetsAt(source, from, node.to);
    if (snippets) return snippets;
    return answer(keysAt(source, context.pos), from, node.to, source.text, ": ");
  }
  return null;
}

/** Options take the place of the whole literal, quotes and all. */
function answer(options: Completion[], from: number, to: number, text: string, behind = ""): CompletionResult | null {
  if (options.length === 0) return null;
  const colon = behind && /^\s*:/.test(text.slice(to)) ? "" : behind;
  const closed = text[to - 1] === '"' && to - from > 1;
  return {
    from: from + 1,
    to: closed ? to - 1 : to,
    options: options.map((option) => ({
      ...option,
      apply: (view, _completion, start, end) => {
        const literal = JSON.stringify(option.label).slice(1);
        const last = closed ? end + 1 : end;
        view.dispatch({ changes: { from: start, to: last, insert: literal + colon }, selection: { anchor: start + literal.length + colon.length }, userEvent: "input.complete" });
      },
    })),
    filter: true,
  };
}

/** Among the states of a scope: whole new ones. */
function snippetsAt(source: Source, from: number, to: number): CompletionResult | null {
  const scope = source.scopes.find(({ object }) => {
    const states = source.member(object, "States")?.value;
    return states && parentObject(source, from)?.from === states.from;
  });
  // One that has a value already is being renamed.
  if (!scope || /^\s*:/.test(source.text.slice(to))) return null;
  const closing = source.text[to - 1] === '"' && to - from > 1 ? 1 : 0;
  return {
    from: from + 1,
    to: to - closing,
    options: STATE_TYPES.map((type, index) => ({
      label: type,
      detail: "new state",
      boost: -index,
      apply: (view, _completion, _start, end) => {
        const name = freeName(source, type);
        view.dispatch({ changes: { from, to: end + closing, insert: stateText(source, type, name, from) }, selection: { anchor: from + 1, head: from + 1 + name.length }, userEvent: "input.complete" });
      },
    })),
  };
}

function parentObject(source: Source, position: number) {
  let object = source.root?.resolveInner(position, 1) ?? null;
  while (object && object.name !== "Object") object = object.parent;
  return object;
}

function valuesOf(source: Source, key: string, position: number): Completion[] {
  if (key === "Next" || key === "StartAt" || key === "Default") {
    const scope = source.scopeAt(position);
    return scope?.states.map((state) => ({ label: state.name, detail: state.type })) ?? [];
  }
  return VALUES[key]?.map((label) => ({ label })) ?? [];
}

/** The fields that may stand at a place, without those that are there. */
function keysAt(source: Source, position: number): Completion[] {
  let object = source.root?.resolveInner(position, -1) ?? null;
  while (object && object.name !== "Object") object = object.parent;
  if (!object) return [];
  const there = new Set(source.members(object).filter(({ key }) => position < key.from || position > key.to).map(({ name }) => name));
  const state = source.states.find((each) => each.value.from === object.from);
  const scope = source.scopes.find((each) => each.object.from === object.from && !each.parent);
  let fields: string[] = [];
  if (state) fields = FIELDS[state.type ?? ""] ?? ["Type", "Comment", "Next", "End"];
  else if (scope) fields = MACHINE;
  else {
    // In a list of rules, retriers or catchers, or in an object that a field names.
    const holder = object.parent?.name === "Array" ? object.parent.parent : object.parent;
    const owner = holder?.getChild("PropertyName");
    fields = (owner && MEMBERS[unquote(source.slice(owner))]) ?? [];
  }
  return fields.filter((field) => !there.has(field)).map((label, index) => ({ label, boost: -index }));
}
