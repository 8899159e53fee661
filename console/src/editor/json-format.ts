/**
 * Puts JSON in order without reading it: numbers stay as they are written, keys in their order and as
 * often as they are there, which `JSON.parse` would not leave so.
 */

const TOKEN = /"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g;

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
