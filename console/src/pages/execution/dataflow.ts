/**
 * How data went through a step: what the history recorded, and between those points what `TestState`
 * says that each path or expression made of it.
 *
 * A history tells what a state was given, what was sent to the work, what came back and what was handed
 * on. The stages between are the language's to know, so the server is asked, with what came back as mock:
 * nothing is done again.
 */

import { isObject, type Json, type JsonObject, type StateNode } from "./definition";

/** What the history has of a step, as JSON text. */
export interface Recorded {
  input?: string;
  /** What was sent to the work. */
  parameters?: string;
  result?: string;
  output?: string;
  error?: string;
  cause?: string;
  /** It failed, and no retry follows. */
  hasFailed: boolean;
  assigned?: Record<string, string>;
}

/** What `TestState` answers, as far as it is shown. */
export interface Tested {
  status: "SUCCEEDED" | "FAILED" | "RETRIABLE" | "CAUGHT_ERROR";
  output?: string;
  error?: string;
  cause?: string;
  inspectionData?: Record<string, string> & { errorDetails?: { catchIndex?: number } };
}

export interface Stage {
  title: string;
  /** The path, template or expression that made this. */
  source?: Json;
  /** JSON text; none if it is not known. */
  text?: string;
  origin: "recorded" | "tested";
  /** What it is made of, to tell what changed. */
  before?: string;
  /** The state has nothing for this stage, so nothing changed. */
  isUnset?: boolean;
}

export interface TestRequest {
  definition: string;
  input: string;
  variables: string;
  inspectionLevel: "DEBUG";
  context?: string;
  mock?: object;
  stateConfiguration?: object;
}

const TAKES_MOCK = ["Task", "Map", "Parallel"];
/** No retrier has so many attempts left: the error is the last one. */
const NO_RETRY_LEFT = 2_147_483_647;

/** What a state makes of the error that was caught. */
function catcherOf(node: StateNode, tested: Tested | undefined): JsonObject | undefined {
  const index = tested?.inspectionData?.errorDetails?.catchIndex;
  const catchers = node.source.Catch;
  const found = index === undefined || !Array.isArray(catchers) ? undefined : catchers[index];
  return isObject(found) ? found : undefined;
}

/** Why `TestState` cannot tell of this step. */
export function untestable(node: StateNode, recorded: Recorded): string | undefined {
  if (recorded.input === undefined) return "The history has no input of this step.";
  const processor = node.source.ItemProcessor;
  const config = isObject(processor) ? processor.ProcessorConfig : undefined;
  if (isObject(config) && config.Mode === "DISTRIBUTED") return "The items of a distributed Map are read outside of this history.";
  return undefined;
}

/** The question to `TestState` about a step. `variables` are those before it, as JSON text each. */
export function testRequest(node: StateNode, recorded: Recorded, variables: Record<string, string>, context: JsonObject): TestRequest {
  const source: JsonObject = { ...node.source, QueryLanguage: node.queryLanguage };
  if (node.type === "Wait") {
    // Nobody waits again.
    for (const member of ["SecondsPath", "Timestamp", "TimestampPath"]) delete source[member];
    source.Seconds = 0;
  }
  const request: TestRequest = {
    definition: JSON.stringify(source),
    input: recorded.input ?? "{}",
    variables: objectOf(variables),
    inspectionLevel: "DEBUG",
  };
  if (!TAKES_MOCK.includes(node.type)) return request;
  request.context = JSON.stringify(context);
  if (recorded.error !== undefined && (recorded.hasFailed || recorded.result === undefined)) {
    request.mock = { errorOutput: { error: recorded.error, ...(recorded.cause === undefined ? {} : { cause: recorded.cause }) } };
    request.stateConfiguration = { retrierRetryCount: NO_RETRY_LEFT };
  } else {
    // Without a result only what comes before the work is of interest; it is asked with an empty one.
    request.mock = { result: recorded.result ?? emptyResult(node), fieldValidationMode: "NONE" };
  }
  return request;
}

function emptyResult({ type, source }: StateNode): string {
  if (type === "Map") return "[]";
  if (type !== "Parallel") return "{}";
  const branches = Array.isArray(source.Branches) ? source.Branches.length : 0;
  return JSON.stringify(new Array(branches).fill({}));
}

/** An object out of members that are JSON text already: numbers stay as they are written. */
export function objectOf(members: Record<string, string>): string {
  return `{${Object.entries(members).map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

/** The stages of a step, in the order of the language. */
export function stagesOf(node: StateNode, recorded: Recorded, tested: Tested | undefined): Stage[] {
  const { source, type } = node;
  const seen = tested?.inspectionData ?? {};
  const isJsonata = node.queryLanguage === "JSONata";
  const catcher = catcherOf(node, tested);
  const after: JsonObject = catcher ?? source;
  const stages: Stage[] = [{ title: "Input", text: recorded.input, origin: "recorded" }];
  let last = recorded.input;
  // A path changes what is there; a template makes something new, which is compared with nothing.
  const add = (title: string, field: Json | undefined, text: string | undefined, origin: Stage["origin"] = "tested", before?: string) => {
    const isUnset = field === undefined;
    stages.push({ title, source: field, text: isUnset ? last : text, origin, before, isUnset });
    if (!isUnset) last = text;
  };

  if (!isJsonata) add("InputPath", source.InputPath, seen.afterInputPath, "tested", last);
  const effective = last;
  if (type === "Map") {
    if (isJsonata) add("Items", source.Items, seen.afterItemsPath);
    else add("ItemsPath", source.ItemsPath, seen.afterItemsPath);
    add("ItemSelector", source.ItemSelector ?? source.Parameters, seen.afterItemSelector);
  } else if (type === "Task" || type === "Parallel" || type === "Pass") {
    const sent: [string | undefined, Stage["origin"]] = recorded.parameters !== undefined ? [recorded.parameters, "recorded"] : [isJsonata ? seen.afterArguments : seen.afterParameters, "tested"];
    if (isJsonata && type !== "Pass") add("Arguments", source.Arguments, ...sent);
    if (!isJsonata) add("Parameters", source.Parameters, ...sent);
  }
  // What was made of a result that is not known was made of an empty one, and is nothing to show.
  let isKnown = true;
  const hasResult = TAKES_MOCK.includes(type) || (type === "Pass" && source.Result !== undefined);
  if (hasResult) {
    const errorOutput = recorded.error === undefined || (recorded.result !== undefined && !recorded.hasFailed) ? undefined : JSON.stringify({ Error: recorded.error, ...(recorded.cause === undefined ? {} : { Cause: recorded.cause }) });
    const text = errorOutput ?? (type === "Pass" ? JSON.stringify(source.Result) : recorded.result);
    stages.push({ title: errorOutput ? "Error output" : type === "Task" ? "Task result" : "Result", text, origin: "recorded" });
    last = text;
    isKnown = text !== undefined;
    if (errorOutput && recorded.output === undefined) return stages;
    if (!isJsonata && !catcher && type !== "Pass") add("ResultSelector", source.ResultSelector, isKnown ? seen.afterResultSelector : undefined);
  }
  const isDone = recorded.output !== undefined && (isKnown || after.ResultPath === null);
  if (!isJsonata && (hasResult || type === "Pass")) {
    // Without ResultPath the result takes the place of the input.
    add(catcher ? "ResultPath of the catcher" : "ResultPath", after.ResultPath, isDone ? (catcher ? tested?.output : seen.afterResultPath) : undefined, "tested", effective);
  }
  if (!isJsonata && !catcher && type !== "Fail") add("OutputPath", source.OutputPath, isDone ? tested?.output : undefined, "tested", last);
  if (type !== "Fail") {
    stages.push({ title: "Output", source: isJsonata ? after.Output : undefined, text: recorded.output, origin: "recorded", before: isJsonata ? recorded.input : undefined });
  }
  return stages;
}

export type Change = { kind: "same" } | { kind: "replaced" } | { kind: "members"; added: string[]; removed: string[]; changed: string[] };

/** What is different in `after`. None if either is not known. */
export function changeOf(before: string | undefined, after: string | undefined): Change | undefined {
  if (before === undefined || after === undefined) return undefined;
  if (before === after) return { kind: "same" };
  let values: [Json, Json];
  try {
    values = [JSON.parse(before) as Json, JSON.parse(after) as Json];
  } catch {
    return { kind: "replaced" };
  }
  const [from, to] = values;
  if (canonical(from) === canonical(to)) return { kind: "same" };
  if (!isObject(from) || !isObject(to)) return { kind: "replaced" };
  const added = Object.keys(to).filter((name) => !(name in from));
  const removed = Object.keys(from).filter((name) => !(name in to));
  const kept = Object.keys(to).filter((name) => name in from);
  const changed = kept.filter((name) => canonical(from[name]) !== canonical(to[name]));
  // Nothing in common: it is another value.
  if (kept.length === 0 && removed.length > 0) return { kind: "replaced" };
  return { kind: "members", added, removed, changed };
}

function canonical(value: Json): string {
  return JSON.stringify(value, (_, each: Json) => (isObject(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each));
}
