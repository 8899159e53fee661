/**
 * Where a text stops being JSON. Browsers say it each in their own words, and some say no place; people
 * need line and column.
 */

export interface JsonError {
  message: string;
  /** From 0. */
  offset: number;
  /** From 1. */
  line: number;
  /** From 1, in characters, as the server counts. */
  column: number;
}

/** What is wrong with a text as JSON; nothing if it is JSON. */
export function checkJson(text: string): JsonError | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    const { offset, message } = new Scanner(text).scan();
    return { message, offset, ...placeOf(text, offset) };
  }
}

/** Line and column of an offset, both from 1; columns are characters, offsets UTF-16 units. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split("\n");
  return { line: lines.length, column: [...(lines.at(-1) ?? "")].length + 1 };
}

/** The offset of a line and a column. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let at = 1; at < line; at += 1) {
    const end = text.indexOf("\n", start);
    if (end < 0) break;
    start = end + 1;
  }
  const end = text.indexOf("\n", start);
  const whole = text.slice(start, end < 0 ? undefined : end);
  return start + [...whole].slice(0, column - 1).join("").length;
}

class Wrong {
  readonly offset: number;
  readonly message: string;
  constructor(offset: number, message: string) {
    this.offset = offset;
    this.message = message;
  }
}

/** Reads what the browser has refused, to find out where. Without recursion: texts may be nested deeply. */
class Scanner {
  private at = 0;
  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  scan(): Wrong {
    try {
      this.document();
    } catch (wrong) {
      if (wrong instanceof Wrong) return wrong;
      throw wrong;
    }
    return new Wrong(this.at, "This is not JSON");
  }

  private document(): void {
    // What closes each open bracket.
    const open: string[] = [];
    for (;;) {
      this.blanks();
      const first = this.text[this.at];
      if (first === "{" || first === "[") {
        this.at += 1;
        this.blanks();
        const closer = first === "{" ? "}" : "]";
        if (this.text[this.at] !== closer) {
          open.push(closer);
          if (closer === "}") this.key();
          continue;
        }
        this.at += 1;
      } else {
        this.scalar();
      }
      // Behind a value: what it stands in goes on or ends.
      for (;;) {
        this.blanks();
        const closer = open.at(-1);
        const next = this.text[this.at];
        if (closer === undefined) {
          if (next === undefined) return;
          throw new Wrong(this.at, "Nothing may follow the value");
        }
        if (next === ",") {
          const comma = this.at;
          this.at += 1;
          this.blanks();
          if (this.text[this.at] === closer) throw new Wrong(comma, "No comma may stand before a closing bracket");
          if (closer === "}") this.key();
          break;
        }
        if (next !== closer) {
          throw new Wrong(this.at, next === undefined ? `The text ends before ${closer}` : `Expected , or ${closer}`);
        }
        this.at += 1;
        open.pop();
      }
    }
  }

  private key(): void {
    if (this.text[this.at] !== '"') {
      throw new Wrong(this.at, this.at >= this.text.length ? "The text ends before }" : "Expected a key in double quotes");
    }
    this.string();
    this.blanks();
    if (this.text[this.at] !== ":") throw new Wrong(this.at, "Expected : after the key");
    this.at += 1;
  }

  private scalar(): void {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === undefined) throw new Wrong(this.at, this.text.trim() ? "The text ends before a value" : "There is nothing here");
    const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/.exec(this.text.slice(this.at, this.at + 400));
    if (!word) throw new Wrong(this.at, first === "'" ? "Texts stand in double quotes" : "Expected a value");
    this.at += word[0].length;
  }

  private string(): void {
    const start = this.at;
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const here = this.text[this.at];
      if (here === '"') {
        this.at += 1;
        return;
      }
      if (here < " ") throw new Wrong(this.at, here === "\n" ? "A line ends inside a text" : "A control character inside a text must be escaped");
      if (here === "\\") {
        if (!/^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(this.text.slice(this.at + 1, this.at + 6))) throw new Wrong(this.at, "There is no such escape");
        this.at += 1;
      }
    }
    throw new Wrong(start, "The text that begins here is not closed");
  }

  private blanks(): void {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at += 1;
  }
}
