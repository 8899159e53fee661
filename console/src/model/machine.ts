/**
 * A definition as the graph shows it: states, what comes after each, and what is inside a Parallel or Map.
 *
 * It is read as far as it can be: somebody may just be typing it. What cannot be understood is left out,
 * and a state that is named but not there is shown as missing. Whether a definition is right is for the
 * server to say.
 */

export interface Machine {
  comment?: string;
  scope: Scope;
}

/** States among which transitions may lead: the whole machine, a branch of a Parallel, or a Map's processor. */
export interface Scope {
  startAt?: string;
  states: MachineState[];
}

export interface MachineState {
  /** Names are unique within a machine that is valid. In one that is not, further ones of a name get another id. */
  id: string;
  name: string;
  /** `Task`, `Map`, ...; empty if there is none. */
  type: string;
  comment?: string;
  resource?: string;
  /** What a Task calls, in a few characters: `lambda:invoke`, the name of a function or an activity. */
  calls?: string;
  /** Whether a Map is distributed. */
  isDistributed?: boolean;
  /** A transition leads here, but the definition has no such state. */
  isMissing?: boolean;
  /** Whether the execution, branch or iteration can end with it. */
  isTerminal: boolean;
  hasRetry: boolean;
  edges: MachineEdge[];
  /** The branches, or the processor. */
  scopes: Scope[];
}

export interface MachineEdge {
  kind: "next" | "choice" | "default" | "catch";
  /** The name of a state in the same scope. */
  to: string;
  /** When it is taken, in one line. */
  label?: string;
}

type Fields = Record<string, unknown>;

/** The longest condition that is shown whole, in characters. */
const LABEL_CHARS = 60;

/** Reads a definition. With an error there is an empty machine. */
export function parseMachine(text: string): { machine: Machine; error?: string } {
  const nothing: Machine = { scope: { states: [] } };
  let definition: unknown;
  try {
    definition = JSON.parse(text);
  } catch (error) {
    return { machine: nothing, error: error instanceof Error ? error.message : String(error) };
  }
  const fields = asFields(definition);
  if (!fields) return { machine: nothing, error: "A definition is an object." };
  return { machine: { comment: asText(fields.Comment), scope: readScope(fields, new Set(), 0) } };
}

/** How deep Maps and Parallels are followed: no page shows more. */
const DEPTH_MAX = 20;

function readScope(fields: Fields, ids: Set<string>, depth: number): Scope {
  const states: MachineState[] = [];
  for (const [name, value] of Object.entries(asFields(fields.States) ?? {})) {
    const state = asFields(value);
    if (state) states.push(readState(name, state, ids, depth));
  }
  const startAt = asText(fields.StartAt);
  const names = new Set(states.map((state) => state.name));
  const wanted = [...(startAt ? [startAt] : []), ...states.flatMap((state) => state.edges.map((edge) => edge.to))];
  for (const name of wanted) {
    if (names.has(name)) continue;
    names.add(name);
    states.push({ id: newId(name, ids), name, type: "", isMissing: true, isTerminal: false, hasRetry: false, edges: [], scopes: [] });
  }
  return { startAt, states };
}

function readState(name: string, fields: Fields, ids: Set<string>, depth: number): MachineState {
  const type = asText(fields.Type) ?? "";
  const resource = asText(fields.Resource);
  const edges: MachineEdge[] = [];
  if (type === "Choice") {
    for (const value of asList(fields.Choices)) {
      const rule = asFields(value);
      const to = rule && asText(rule.Next);
      if (rule && to) edges.push({ kind: "choice", to, label: shorten(describeRule(rule)) });
    }
    const otherwise = asText(fields.Default);
    if (otherwise) edges.push({ kind: "default", to: otherwise, label: "Default" });
  } else if (asText(fields.Next)) {
    edges.push({ kind: "next", to: asText(fields.Next)! });
  }
  for (const value of asList(fields.Catch)) {
    const catcher = asFields(value);
    const to = catcher && asText(catcher.Next);
    if (catcher && to) edges.push({ kind: "catch", to, label: shorten(`Catch ${asList(catcher.ErrorEquals).filter((each) => typeof each === "string").join(", ")}`) });
  }
  const id = newId(name, ids);
  return {
    id,
    name,
    type,
    comment: asText(fields.Comment),
    resource,
    calls: resource === undefined ? undefined : describeResource(resource),
    isDistributed: asText(asFields(asFields(fields.ItemProcessor)?.ProcessorConfig)?.Mode) === "DISTRIBUTED" || undefined,
    isTerminal: fields.End === true || type === "Succeed" || type === "Fail",
    hasRetry: asList(fields.Retry).length > 0,
    edges,
    scopes: depth >= DEPTH_MAX ? [] : innerScopes(type, fields).map((inner) => readScope(inner, ids, depth + 1)),
  };
}

function innerScopes(type: string, fields: Fields): Fields[] {
  const inner = type === "Parallel" ? asList(fields.Branches) : type === "Map" ? [fields.ItemProcessor ?? fields.Iterator] : [];
  return inner.map(asFields).filter((each) => each !== undefined);
}

function newId(name: string, ids: Set<string>): string {
  let id = name;
  for (let count = 2; ids.has(id); count++) id = `${name}\u0000${count}`;
  ids.add(id);
  return id;
}

/** `arn:aws:states:::sqs:sendMessage.waitForTaskToken` is `sqs:sendMessage.waitForTaskToken`. */
function describeResource(resource: string): string {
  const optimized = /^arn:[^:]*:states:[^:]*:[^:]*:(.+)$/.exec(resource)?.[1];
  if (optimized) return optimized.replace(/^activity:/, "");
  return /^arn:[^:]*:lambda:[^:]*:[^:]*:function:(.+)$/.exec(resource)?.[1] ?? resource;
}

/** How a comparison is written between the variable and the value. */
const OPERATORS: [RegExp, string][] = [
  [/LessThanEquals$/, "≤"],
  [/GreaterThanEquals$/, "≥"],
  [/LessThan$/, "<"],
  [/GreaterThan$/, ">"],
  [/Equals$/, "="],
  [/Matches$/, "matches"],
];

const KINDS: Record<string, string> = {
  IsPresent: "present",
  IsNull: "null",
  IsString: "a string",
  IsNumeric: "a number",
  IsBoolean: "a boolean",
  IsTimestamp: "a timestamp",
};

/** A Choice rule as somebody would say it: `$.amount > 1000 and $.vip is present`. */
export function describeRule(rule: Fields): string {
  const condition = asText(rule.Condition);
  if (condition !== undefined) return oneLine(condition.replace(/^\s*\{%|%\}\s*$/g, ""));
  if (typeof rule.Condition === "boolean") return String(rule.Condition);
  const parts = (value: unknown) => asList(value).map(asFields).filter((each) => each !== undefined);
  if (rule.And) return parts(rule.And).map(inBrackets).join(" and ");
  if (rule.Or) return parts(rule.Or).map(inBrackets).join(" or ");
  const not = asFields(rule.Not);
  if (not) return `not ${inBrackets(not)}`;
  const variable = asText(rule.Variable) ?? "";
  for (const [operator, value] of Object.entries(rule)) {
    if (KINDS[operator]) return `${variable} is ${value === false ? "not " : ""}${KINDS[operator]}`;
    const other = operator.endsWith("Path");
    const sign = OPERATORS.find(([pattern]) => pattern.test(other ? operator.slice(0, -4) : operator))?.[1];
    if (sign) return oneLine(`${variable} ${sign} ${other ? String(value) : JSON.stringify(value)}`);
  }
  return variable;
}

function inBrackets(rule: Fields): string {
  const text = describeRule(rule);
  return rule.And || rule.Or ? `(${text})` : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function shorten(text: string): string {
  return text.length > LABEL_CHARS ? `${text.slice(0, LABEL_CHARS - 1)}…` : text;
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
