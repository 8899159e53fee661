import { expect, test } from "vitest";
import { checkJson, offsetOf, placeOf } from "./json-check";

function says(text: string): string {
  const error = checkJson(text);
  return error ? `${error.line}:${error.column} ${error.message}` : "fine";
}

test("what is JSON is fine", () => {
  for (const text of ["{}", "[]", "1", ' {"a": [1, -2.5e3, true, null, "x\\u00e9"], "b": {}} ']) expect(says(text)).toBe("fine");
});

test("what is not JSON is told with its place", () => {
  expect(says("")).toBe("1:1 There is nothing here");
  expect(says("{\n  a: 1\n}")).toBe("2:3 Expected a key in double quotes");
  expect(says('{\n  "a": 1,\n}')).toBe("2:9 No comma may stand before a closing bracket");
  expect(says('{"a" 1}')).toBe("1:6 Expected : after the key");
  expect(says('{"a": 1 "b": 2}')).toBe("1:9 Expected , or }");
  expect(says('["x]')).toBe("1:2 The text that begins here is not closed");
  expect(says("['x']")).toBe("1:2 Texts stand in double quotes");
  expect(says('{"a": 01}')).toBe("1:7 Expected a value");
  expect(says("{} {}")).toBe("1:4 Nothing may follow the value");
  expect(says('"a\\q"')).toBe("1:3 There is no such escape");
  expect(says("[".repeat(100_000))).toBe("1:100001 The text ends before a value");
});

test("columns are characters, whatever a character takes", () => {
  const text = '{\n "é😀": 1, "x": 2}';
  const offset = text.indexOf('"x"');
  expect(placeOf(text, offset)).toEqual({ line: 2, column: 11 });
  expect(offsetOf(text, 2, 11)).toBe(offset);
  expect(offsetOf(text, 9, 99)).toBe(text.length);
});
