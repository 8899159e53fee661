/**
 * Changes of a definition that are made in the graph, as changes of its text: no more of it than has to is
 * touched, so that the order of keys, comments and the way it is written stay.
 */

import { items, type Member, type Node, type Scope, type Source, type StateAt } from "./tree";

export interface Change {
  from: number;
  to: number;
  insert: string;
}

/** How a state goes on: to another, or not at all. */
type Way = { next: string } | { end: true };

/** States of these types go nowhere. */
export const TERMINAL = ["Succeed", "Fail"];

export const STATE_TYPES = ["Task", "Pass", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail"] as const;
export type StateType = (typeof STATE_TYPES)[number];

/** The text with changes made. They must not overlap. */
export function apply(text: string, changes: Change[]): string {
  return [...changes].sort((a, b) => b.from - a.from).reduce((done, { from, to, insert }) => done.slice(0, from) + insert + done.slice(to), text);
}

/** Where states are named: each value whose text is a name of a state of the scope. */
function references(source: Source, scope: Scope): { value: Node; member: Member; of?: StateAt }[] {
  const found: { value: Node; member: Member; of?: StateAt }[] = [];
  const look = (object: Node | undefined, name: string, of?: StateAt) => {
    const member = source.member(object, name);
    if (member?.value?.name === "String") found.push({ value: member.value, member, of });
  };
  look(scope.object, "StartAt");
  for (const state of scope.states) {
    look(state.value, "Next", state);
    look(state.value, "Default", state);
    for (const list of ["Choices", "Catch"]) {
      for (const item of items(source.member(state.value, list)?.value)) look(item, "Next");
    }
  }
  return found;
}

function referencesTo(source: Source, state: StateAt) {
  const literal = (value: Node) => JSON.parse(source.slice(value)) as string;
  return references(source, state.scope).filter(({ value }) => {
    try {
      return literal(value) === state.name;
    } catch {
      return false;
    }
  });
}

/** Another name for a state, wherever it is named. */
export function rename(source: Source, state: StateAt, name: string): Change[] {
  const insert = JSON.stringify(name);
  return [{ from: state.key.from, to: state.key.to, insert }, ...referencesTo(source, state).map(({ value }) => ({ from: value.from, to: value.to, insert }))];
}

/** The member that says how a state goes on. */
function wayMember(source: Source, state: StateAt): Member | undefined {
  if (state.type === "Choice") return source.member(state.value, "Default");
  return source.member(state.value, "Next") ?? source.member(state.value, "End");
}

/** The name of the state that follows: `Next`, or `Default` of a Choice. */
export function nextOf(source: Source, state: StateAt): string | undefined {
  return source.textOf(state.value, state.type === "Choice" ? "Default" : "Next");
}

/** Lets a state go on to another, or end with `""`. */
export function setNext(source: Source, state: StateAt, next: string): Change[] {
  if (state.type !== undefined && TERMINAL.includes(state.type)) return [];
  const member = wayMember(source, state);
  if (state.type === "Choice") {
    if (next === "") return member ? [removal(source, member.property)] : [];
    if (member?.value) return [{ from: member.value.from, to: member.value.to, insert: JSON.stringify(next) }];
    return [append(source, state.value, `"Default": ${JSON.stringify(next)}`)];
  }
  const insert = next === "" ? '"End": true' : `"Next": ${JSON.stringify(next)}`;
  if (!member) return [append(source, state.value, insert)];
  const changes = [{ from: member.property.from, to: member.property.to, insert }];
  // There must not be both.
  const other = member.name === "Next" ? source.member(state.value, "End") : undefined;
  return other ? [...changes, removal(source, other.property)] : changes;
}

/** A new state behind another one, on the way that it went. */
export function addAfter(source: Source, state: StateAt, type: StateType, name: string): Change[] {
  const next = nextOf(source, state);
  const way: Way = next === undefined ? { end: true } : { next };
  const written = `${JSON.stringify(name)}: ${write(source, newState(source, type, way), lineIndent(source, state.property.from))}`;
  const separator = newlineBefore(source, state.property.from) ? `,\n${lineIndent(source, state.property.from)}` : ", ";
  return [{ from: state.property.to, to: state.property.to, insert: separator + written }, ...setNext(source, state, name)];
}

/** The first state of a scope that has none. */
export function addFirst(source: Source, scope: Scope, type: StateType, name: string): Change[] {
  const states = source.member(scope.object, "States")?.value;
  if (!states) return [];
  const written = `${JSON.stringify(name)}: ${write(source, newState(source, type, { end: true }), lineIndent(source, states.from) + unit(source))}`;
  const changes = [append(source, states, written)];
  const start = source.member(scope.object, "StartAt")?.value;
  if (start) changes.push({ from: start.from, to: start.to, insert: JSON.stringify(name) });
  return changes;
}

/** A new state as a member that is written at a position. It ends there; where it leads to is for the writer. */
export function stateText(source: Source, type: StateType, name: string, position: number): string {
  return `${JSON.stringify(name)}: ${write(source, newState(source, type, { end: true }), lineIndent(source, position))}`;
}

/** Takes a state away. What led to it leads to where it went; where it ended, what came before ends. */
export function remove(source: Source, state: StateAt): Change[] {
  const next = nextOf(source, state);
  const follower = next !== undefined && next !== state.name ? next : undefined;
  const changes = [removal(source, state.property)];
  for (const { value, member, of } of referencesTo(source, state)) {
    if (value.from >= state.property.from && value.to <= state.property.to) continue;
    if (follower !== undefined) {
      changes.push({ from: value.from, to: value.to, insert: JSON.stringify(follower) });
    } else if (of && member.name === "Next") {
      changes.push({ from: member.property.from, to: member.property.to, insert: '"End": true' });
    } else if (member.name === "StartAt") {
      const other = state.scope.states.find((each) => each !== state);
      if (other) changes.push({ from: value.from, to: value.to, insert: JSON.stringify(other.name) });
    }
    // A rule or a catcher must lead somewhere: where to is not ours to make up, and the validator tells of it.
  }
  return changes;
}

/** A name that no state has. */
export function freeName(source: Source, type: string): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? type : `${type} ${number}`;
    if (!source.state(name)) return name;
  }
}

/** What a new state begins as. */
export function newState(source: Source, type: StateType, way: Way): object {
  const isJsonata = source.textOf(source.root, "QueryLanguage") === "JSONata";
  const goes = "next" in way ? { Next: way.next } : { End: true };
  const inner = (name: string) => ({ StartAt: name, States: { [name]: { Type: "Pass", End: true } } });
  const stepName = freeName(source, "Step");
  switch (type) {
    case "Task": return { Type: type, Resource: "arn:aws:states:::lambda:invoke", [isJsonata ? "Arguments" : "Parameters"]: { FunctionName: "function-name", ...(isJsonata ? { Payload: "{% $states.input %}" } : { "Payload.$": "$" }) }, ...goes };
    case "Pass": return { Type: type, ...goes };
    case "Choice": {
      // A Choice has no End: where it would end, there is nothing to lead to yet.
      const target = "next" in way ? way.next : "";
      const rule = isJsonata ? { Condition: "{% $states.input.ok %}", Next: target } : { Variable: "$.ok", BooleanEquals: true, Next: target };
      return { Type: type, Choices: [rule], Default: target };
    }
    case "Wait": return { Type: type, Seconds: 10, ...goes };
    case "Parallel": return { Type: type, Branches: [inner(stepName)], ...goes };
    case "Map": return { Type: type, [isJsonata ? "Items" : "ItemsPath"]: isJsonata ? "{% $states.input.items %}" : "$.items", ItemProcessor: { ProcessorConfig: { Mode: "INLINE" }, ...inner(stepName) }, ...goes };
    case "Succeed": return { Type: type };
    case "Fail": return { Type: type, Error: "Error", Cause: "Why it failed" };
  }
}

function lineIndent(source: Source, position: number): string {
  const start = source.text.lastIndexOf("\n", position - 1) + 1;
  return /^[ \t]*/.exec(source.text.slice(start, position))?.[0] ?? "";
}

function newlineBefore(source: Source, position: number): boolean {
  return /\n[ \t]*$/.test(source.text.slice(Math.max(0, position - 200), position));
}

/** By how much each level is indented. */
function unit(source: Source): string {
  return /\n([ \t]+)"/.exec(source.text)?.[1] ?? "  ";
}

function write(source: Source, value: object, indent: string): string {
  return source.text.includes("\n") ? JSON.stringify(value, null, unit(source)).replaceAll("\n", `\n${indent}`) : JSON.stringify(value);
}

/** A member at the end of an object. */
function append(source: Source, object: Node, member: string): Change {
  const lastMember = source.members(object).at(-1)?.property;
  if (lastMember) {
    const separator = newlineBefore(source, lastMember.from) ? `,\n${lineIndent(source, lastMember.from)}` : ", ";
    return { from: lastMember.to, to: lastMember.to, insert: separator + member };
  }
  const outer = lineIndent(source, object.from);
  return { from: object.from + 1, to: object.to - 1, insert: source.text.includes("\n") ? `\n${outer}${unit(source)}${member}\n${outer}` : member };
}

/** Takes a member out of its object, with the comma that goes with it. */
function removal(source: Source, property: Node): Change {
  const { text } = source;
  const after = /^\s*,\s*/.exec(text.slice(property.to));
  if (after) return { from: property.from, to: property.to + after[0].length, insert: "" };
  const before = /,\s*$/.exec(text.slice(0, property.from));
  if (before) return { from: before.index, to: property.to, insert: "" };
  return { from: property.from, to: property.to, insert: "" };
}
