/**
 * Where things stand in the text of a definition: states, by name and by position, and what a JSON pointer
 * points to. Works on texts that do not parse too, as far as their shape can be seen.
 */

import { jsonLanguage } from "@codemirror/lang-json";

export type Node = ReturnType<typeof jsonLanguage.parser.parse>["topNode"];

/** A member of an object: its key and its value. */
export interface Member {
  property: Node;
  key: Node;
  name: string;
  value: Node | undefined;
}

/** States that know each other: those of the machine, of a branch or of the processor of a Map. */
export interface Scope {
  object: Node;
  /** The state that these states are in. */
  parent?: StateAt;
  states: StateAt[];
}

export interface StateAt extends Member {
  value: Node;
  type: string | undefined;
  scope: Scope;
  /** RFC 6901. */
  pointer: string;
}

/** What a string literal says; its raw text if it is broken. */
export function unquote(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal.replace(/^"|"$/g, "");
  }
}

/** What stands between an array's brackets. */
export function items(array: Node | undefined): Node[] {
  const found: Node[] = [];
  if (array?.name !== "Array") return found;
  for (let child = array.firstChild; child; child = child.nextSibling) {
    if (!child.type.isError && /^(Object|Array|String|Number|True|False|Null)$/.test(child.name)) found.push(child);
  }
  return found;
}

function step(text: string): string {
  return text.replaceAll("~", "~0").replaceAll("/", "~1");
}

export class Source {
  readonly text: string;
  readonly root: Node | undefined;
  readonly scopes: Scope[] = [];
  private readonly byName = new Map<string, StateAt>();

  constructor(text: string) {
    this.text = text;
    const root = jsonLanguage.parser.parse(text).topNode.firstChild;
    this.root = root?.name === "Object" ? root : undefined;
    if (this.root) this.readScope(this.root, "", undefined);
  }

  slice(node: Node): string {
    return this.text.slice(node.from, node.to);
  }

  members(object: Node | undefined): Member[] {
    const found: Member[] = [];
    if (object?.name !== "Object") return found;
    for (const property of object.getChildren("Property")) {
      const key = property.getChild("PropertyName");
      if (!key) continue;
      let value: Node | undefined;
      for (let next = key.nextSibling; next; next = next.nextSibling) {
        if (!next.type.isError && next.name !== ":") value = next;
      }
      found.push({ property, key, name: unquote(this.slice(key)), value });
    }
    return found;
  }

  member(object: Node | undefined, name: string): Member | undefined {
    return this.members(object).find((member) => member.name === name);
  }

  /** The text that a member has as its value. */
  textOf(object: Node | undefined, name: string): string | undefined {
    const value = this.member(object, name)?.value;
    return value?.name === "String" ? unquote(this.slice(value)) : undefined;
  }

  /** All states, outer ones first. */
  get states(): StateAt[] {
    return [...this.byName.values()];
  }

  state(name: string): StateAt | undefined {
    return this.byName.get(name);
  }

  /** The innermost state around a position. */
  stateAt(position: number): StateAt | undefined {
    let found: StateAt | undefined;
    for (const state of this.byName.values()) {
      if (state.property.from <= position && position <= state.property.to && (!found || state.property.from > found.property.from)) found = state;
    }
    return found;
  }

  /** The innermost scope around a position. */
  scopeAt(position: number): Scope | undefined {
    return this.scopes.filter(({ object }) => object.from <= position && position <= object.to).at(-1);
  }

  /** What a pointer points to: of a member its key, so that the mark is short; or the last thing on the way to it. */
  at(pointer: string): { from: number; to: number } | undefined {
    let node = this.root;
    let place = node && { from: node.from, to: node.from + 1 };
    for (const raw of pointer.split("/").slice(1)) {
      const name = raw.replaceAll("~1", "/").replaceAll("~0", "~");
      if (node?.name === "Array") {
        node = items(node)[Number(name)];
        if (node) place = { from: node.from, to: node.name === "Object" || node.name === "Array" ? node.from + 1 : node.to };
      } else {
        const member = this.member(node, name);
        if (member) place = { from: member.key.from, to: member.key.to };
        node = member?.value;
      }
      if (!node) break;
    }
    return place;
  }

  private readScope(object: Node, pointer: string, parent: StateAt | undefined): void {
    const states = this.member(object, "States")?.value;
    if (states?.name !== "Object") return;
    const scope: Scope = { object, parent, states: [] };
    this.scopes.push(scope);
    for (const member of this.members(states)) {
      if (member.value?.name !== "Object") continue;
      const state: StateAt = { ...member, value: member.value, type: this.textOf(member.value, "Type"), scope, pointer: `${pointer}/States/${step(member.name)}` };
      scope.states.push(state);
      if (!this.byName.has(state.name)) this.byName.set(state.name, state);
    }
    for (const state of scope.states) {
      for (const name of ["ItemProcessor", "Iterator"]) {
        const inner = this.member(state.value, name)?.value;
        if (inner?.name === "Object") this.readScope(inner, `${state.pointer}/${name}`, state);
      }
      items(this.member(state.value, "Branches")?.value).forEach((branch, index) => {
        if (branch.name === "Object") this.readScope(branch, `${state.pointer}/Branches/${index}`, state);
      });
    }
  }
}

let last: Source | undefined;

/** The `Source` of a text; several who ask for the same text get the same one. */
export function sourceOf(text: string): Source {
  if (last?.text !== text) last = new Source(text);
  return last;
}
