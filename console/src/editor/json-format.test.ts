import { expect, test } from "vitest";
import { formatJson } from "./json-format";

test("formatting is what JSON.stringify does", () => {
  const value = { a: [1, { b: "x, {y}: [z] \"q\" \\" }, [], {}], c: null, "": true };
  expect(formatJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  expect(formatJson(JSON.stringify(value, null, 7))).toBe(JSON.stringify(value, null, 2));
});

test("numbers and the order of keys stay as they are written", () => {
  expect(formatJson('{"2":12345678901234567890,"1":1.50e+3,"2":0}')).toBe('{\n  "2": 12345678901234567890,\n  "1": 1.50e+3,\n  "2": 0\n}');
});

test("what is nested deeply stays of a size that can be shown", () => {
  const depth = 30_000;
  const written = formatJson("[".repeat(depth) + "]".repeat(depth));
  expect(written.length).toBeLessThan(8_000_000);
  expect(written.replace(/\s/g, "")).toBe("[".repeat(depth) + "]".repeat(depth));
});
