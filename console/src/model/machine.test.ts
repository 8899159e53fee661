import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describeRule, parseMachine } from "./machine";

describe("parseMachine", () => {
  it("reads the example whole", () => {
    const { machine, error } = parseMachine(readFileSync(new URL("../../../examples/order-fulfilment/order-fulfilment.asl.json", import.meta.url), "utf8"));
    expect(error).toBeUndefined();
    expect(machine.scope.states).toHaveLength(16);
    const state = (name: string) => machine.scope.states.find((each) => each.name === name)!;
    expect(state("NeedsApproval").edges).toEqual([
      { kind: "choice", to: "ApproveOrder", label: "$.total.amount > 1000" },
      { kind: "default", to: "Prepare", label: "Default" },
    ]);
    expect(state("Prepare").scopes.map((scope) => scope.startAt)).toEqual(["ReserveStock", "CreateLabel"]);
    expect(state("ApproveOrder")).toMatchObject({ calls: "approve-order", hasRetry: true, isTerminal: false });
    expect(state("Refund").calls).toBe("lambda:invoke");
    expect(state("OrderFailed").isTerminal).toBe(true);
  });

  it.each(["", "{", "null", "[]", "7", '{"States":[]}', '{"States":{"A":7,"B":{"Type":["Map"]}}}', '{"StartAt":{},"States":{"A":{"Type":"Choice","Choices":{"x":1},"Catch":[1,{"Next":3}]}}}', '{"States":{"P":{"Type":"Parallel","Branches":[null,{"States":null}]}}}'])(
    "makes something of %s",
    (text) => expect(() => parseMachine(text)).not.toThrow(),
  );

  it("shows a state that is not there as missing, once", () => {
    const { machine } = parseMachine('{"StartAt":"Gone","States":{"A":{"Type":"Pass","Next":"Gone"}}}');
    expect(machine.scope.states.map((state) => [state.name, !!state.isMissing])).toEqual([["A", false], ["Gone", true]]);
  });

  it("keeps states of one name apart", () => {
    const branch = { StartAt: "A", States: { A: { Type: "Pass", End: true } } };
    const { machine } = parseMachine(JSON.stringify({ States: { P: { Type: "Parallel", Branches: [branch, branch] } } }));
    const ids = machine.scope.states[0].scopes.map((scope) => scope.states[0].id);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("describeRule", () => {
  it.each([
    [{ Variable: "$.a", NumericGreaterThanEquals: 3 }, "$.a ≥ 3"],
    [{ Variable: "$.a", StringEqualsPath: "$.b" }, "$.a = $.b"],
    [{ Variable: "$.a", IsPresent: false }, "$.a is not present"],
    [{ Not: { Or: [{ Variable: "$.a", IsNull: true }, { Variable: "$.b", StringMatches: "x*" }] } }, 'not ($.a is null or $.b matches "x*")'],
    [{ Condition: "{% $states.input.total\n  > 3 %}" }, "$states.input.total > 3"],
  ])("says %j", (rule, text) => expect(describeRule(rule)).toBe(text));
});
