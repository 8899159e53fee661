import { describe, expect, it } from "vitest";
import { changeOf, stagesOf, testRequest, untestable, type Recorded, type Tested } from "./dataflow";
import { readStates } from "./definition";

function node(state: object, language?: string) {
  const states = readStates(JSON.stringify({ StartAt: "S", QueryLanguage: language, States: { S: state } }));
  const found = states?.byName.get("S");
  if (!found) throw new Error("no state");
  return found;
}

const TASK = { Type: "Task", Resource: "arn:aws:states:::lambda:invoke", Parameters: { "n.$": "$.n" }, ResultPath: "$.r", Catch: [{ ErrorEquals: ["A"], Next: "X" }, { ErrorEquals: ["B"], ResultPath: "$.e", Next: "X" }], Next: "X" };
const RECORDED: Recorded = { input: '{"n":1}', parameters: '{"n":1}', result: "5", output: '{"n":1,"r":5}', hasFailed: false };

const titles = (stages: { title: string; isUnset?: boolean }[]) => stages.map(({ title, isUnset }) => (isUnset ? `(${title})` : title)).join(" ");

describe("the stages of a step", () => {
  it("of a task are those of the language, and say which are not set", () => {
    const tested: Tested = { status: "SUCCEEDED", output: '{"n":1,"r":5}', inspectionData: { afterInputPath: '{"n":1}', afterResultPath: '{"n":1,"r":5}' } };
    const stages = stagesOf(node(TASK), RECORDED, tested);
    expect(titles(stages)).toBe("Input (InputPath) Parameters Task result (ResultSelector) ResultPath (OutputPath) Output");
    expect(stages.find(({ title }) => title === "ResultPath")).toMatchObject({ text: '{"n":1,"r":5}', before: '{"n":1}', origin: "tested" });
    expect(stages.find(({ title }) => title === "Parameters")?.origin).toBe("recorded");
  });

  it("after an error are those of the catcher that took it", () => {
    const tested: Tested = { status: "CAUGHT_ERROR", output: '{"n":1,"e":{"Error":"B"}}', inspectionData: { errorDetails: { catchIndex: 1 } } as never };
    const stages = stagesOf(node(TASK), { input: '{"n":1}', error: "B", hasFailed: true, output: '{"n":1,"e":{"Error":"B"}}' }, tested);
    expect(titles(stages)).toBe("Input (InputPath) Parameters Error output ResultPath of the catcher Output");
    expect(stages.find(({ title }) => title.startsWith("ResultPath"))).toMatchObject({ source: "$.e", text: '{"n":1,"e":{"Error":"B"}}' });
  });

  it("end with an error that nobody caught", () => {
    expect(titles(stagesOf(node(TASK), { input: "{}", error: "C", hasFailed: true }, undefined))).toBe("Input (InputPath) Parameters Error output");
  });

  it("behind a result that is not known are not known either", () => {
    const state = { Type: "Map", ItemsPath: "$.items", ItemProcessor: {}, ResultSelector: { "n.$": "$" }, ResultPath: "$.r", End: true };
    const tested: Tested = { status: "SUCCEEDED", output: '{"r":{"n":[]}}', inspectionData: { afterResultSelector: '{"n":[]}', afterResultPath: '{"r":{"n":[]}}' } };
    const stages = stagesOf(node(state), { input: "{}", output: '{"r":{"n":[1]}}', hasFailed: false }, tested);
    expect(stages.filter(({ title }) => title.startsWith("Result")).map(({ text }) => text)).toEqual([undefined, undefined, undefined]);
  });

  it("of JSONata are fewer", () => {
    const state = { Type: "Task", Resource: "arn:aws:states:::lambda:invoke", Arguments: "{% $states.input %}", Output: "{% 1 %}", End: true };
    expect(titles(stagesOf(node(state, "JSONata"), RECORDED, undefined))).toBe("Input Arguments Task result Output");
  });
});

describe("the question to TestState", () => {
  it("never has work done: a task is mocked, a wait does not wait", () => {
    expect(testRequest(node(TASK), { input: "{}", hasFailed: false }, {}, {}).mock).toEqual({ result: "{}", fieldValidationMode: "NONE" });
    const wait = testRequest(node({ Type: "Wait", TimestampPath: "$.at", End: true }), { input: "{}", hasFailed: false }, {}, {});
    expect(wait.mock).toBeUndefined();
    expect(JSON.parse(wait.definition)).toEqual({ Type: "Wait", Seconds: 0, End: true, QueryLanguage: "JSONPath" });
  });

  it("has the error of a task that failed, with no retry left", () => {
    const request = testRequest(node(TASK), { input: "{}", error: "B", cause: "c", hasFailed: true }, {}, {});
    expect(request.mock).toEqual({ errorOutput: { error: "B", cause: "c" } });
    expect(request.stateConfiguration).toEqual({ retrierRetryCount: 2147483647 });
  });

  it("keeps numbers in variables as they are written", () => {
    expect(testRequest(node(TASK), { input: "{}", hasFailed: false }, { a: "12345678901234567890", 'b"': "1.0" }, {}).variables).toBe('{"a":12345678901234567890,"b\\"":1.0}');
  });

  it("is not asked about a distributed Map", () => {
    const state = { Type: "Map", ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" }, StartAt: "I", States: { I: { Type: "Pass", End: true } } }, End: true };
    expect(untestable(node(state), RECORDED)).toMatch(/distributed/);
    expect(untestable(node(TASK), RECORDED)).toBeUndefined();
  });
});

describe("what changed", () => {
  it("is told by members, and order is none", () => {
    expect(changeOf('{"a":1,"b":2}', '{"b":2,"a":1}')).toEqual({ kind: "same" });
    expect(changeOf('{"a":1,"b":2,"c":3}', '{"a":1,"b":3,"d":4}')).toEqual({ kind: "members", added: ["d"], removed: ["c"], changed: ["b"] });
  });

  it("is another value where nothing is shared", () => {
    expect(changeOf('{"a":1}', "[1]")).toEqual({ kind: "replaced" });
    expect(changeOf('{"a":1}', '{"b":1}')).toEqual({ kind: "replaced" });
    expect(changeOf(undefined, "1")).toBeUndefined();
  });
});
