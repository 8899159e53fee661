import { expect, it } from "vitest";
import type { Step } from "./run";
import { fits } from "./fits";

it("a run fits a definition that has all states it entered, inner ones too", () => {
  const ran = (...steps: [string, string][]) => ({ steps: new Map(steps.map(([name, type], id) => [id, { id, name, type } as Step])) });
  const definition = JSON.stringify({
    StartAt: "Each",
    States: { Each: { Type: "Map", ItemProcessor: { StartAt: "Work", States: { Work: { Type: "Pass", End: true } } }, Next: "Done" }, Done: { Type: "Succeed" } },
  });
  expect(fits(definition, ran(["Each", "Map"], ["Work", "Pass"]))).toBe(true);
  expect(fits(definition, ran(["Each", "Map"], ["Other", "Pass"]))).toBe(false);
  expect(fits(definition, ran(["Done", "Pass"]))).toBe(false);
});
