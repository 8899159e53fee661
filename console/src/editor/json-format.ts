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

/** A text that is JSON, with indentation. */
export function formatJson(text: string, indent = "  "): string {
  let out = "";
  let depth = 0;
  let before = "";
  for (const [token] of text.matchAll(TOKEN)) {
    switch (token) {
      case "}":
      case "]":
        depth -= 1;
        if (before !== "{" && before !== "[") out += `\n${indent.repeat(depth)}`;
        out += token;
        break;
      case ",":
        out += ",";
        break;
      case ":":
        out += ": ";
        break;
      default:
        if (before === "{" || before === "[" || before === ",") out += `\n${indent.repeat(depth)}`;
        out += token;
        if (token === "{" || token === "[") depth += 1;
    }
    before = token;
  }
  return out;
}
