/**
 * Puts JSON in order without reading it: numbers stay as they are written, keys in their order and as
 * often as they are there, which `JSON.parse` would not leave so.
 */

const TOKEN = /"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** A definition as people can read it: one that stands on a single line, as tools deploy them, with indentation. */
export function readable(definition: string): string {
  return definition.includes("\n") ? definition : formatJson(definition);
}

/** Two definitions so that what differs between them is not their white space, unless nothing else does. */
export function comparable(before: string, after: string): [string, string] {
  if (before.includes("\n") && after.includes("\n")) return [before, after];
  const formatted: [string, string] = [formatJson(before), formatJson(after)];
  return formatted[0] === formatted[1] ? [before, after] : formatted;
}

/** What is nested more deeply goes no further to the right: somebody may send a payload of nothing but brackets. */
const DEPTH_MAX = 50;

/** A text that is JSON, with indentation. */
export function formatJson(text: string, indent = "  "): string {
  let out = "";
  let depth = 0;
  let before = "";
  const newline = () => `\n${indent.repeat(Math.min(depth, DEPTH_MAX))}`;
  for (const [token] of text.matchAll(TOKEN)) {
    switch (token) {
      case "}":
      case "]":
        depth -= 1;
        if (before !== "{" && before !== "[") out += newline();
        out += token;
        break;
      case ",":
        out += ",";
        break;
      case ":":
        out += ": ";
        break;
      default:
        if (before === "{" || before === "[" || before === ",") out += newline();
        out += token;
        if (token === "{" || token === "[") depth += 1;
    }
    before = token;
  }
  return out;
}
