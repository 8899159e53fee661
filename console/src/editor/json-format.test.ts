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
