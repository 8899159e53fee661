/** The states of a definition as a tree, each with its text: what the history tells is held against it. */

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };
export type JsonObject = { [member: string]: Json };

export interface StateNode {
  name: string;
  type: string;
  /** The state as the definition has it. */
  source: JsonObject;
  queryLanguage: "JSONPath" | "JSONata";
  parent?: StateNode;
  /** Which branch of a Parallel it is in. */
  branch: number;
  level: number;
  children: StateNode[];
}

export interface States {
  roots: StateNode[];
  byName: ReadonlyMap<string, StateNode>;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads a definition; none if it is no JSON object, which that of an execution always is. */
export function readStates(definition: string): States | undefined {
  let machine: Json;
  try {
    machine = JSON.parse(definition) as Json;
  } catch {
    return undefined;
  }
  if (!isObject(machine)) return undefined;
  const byName = new Map<string, StateNode>();
  const readGroup = (group: Json | undefined, branch: number, language: string, parent?: StateNode): StateNode[] => {
    if (!isObject(group) || !isObject(group.States)) return [];
    const inherited = typeof group.QueryLanguage === "string" ? group.QueryLanguage : language;
    return inOrder(group.StartAt, group.States).map(([name, source]) => {
      const own = typeof source.QueryLanguage === "string" ? source.QueryLanguage : inherited;
      const node: StateNode = {
        name,
        type: typeof source.Type === "string" ? source.Type : "",
        source,
        queryLanguage: own === "JSONata" ? "JSONata" : "JSONPath",
        parent,
        branch,
        level: parent ? parent.level + 1 : 1,
        children: [],
      };
      byName.set(name, node);
      const branches = Array.isArray(source.Branches) ? source.Branches : [source.ItemProcessor ?? source.Iterator];
      node.children = branches.flatMap((inner, index) => readGroup(inner, index, inherited, node));
      return node;
    });
  };
  return { roots: readGroup(machine, 0, "JSONPath"), byName };
}

/** A state that is known by its name and type alone. */
export function nodeOf({ name, type }: { name: string; type: string }): StateNode {
  return { name, type, source: { Type: type }, queryLanguage: "JSONPath", branch: 0, level: 1, children: [] };
}

/** The first state first, then as the definition has them. */
function inOrder(startAt: Json | undefined, states: JsonObject): [string, JsonObject][] {
  const all = Object.entries(states).filter((entry): entry is [string, JsonObject] => isObject(entry[1]));
  return [...all.filter(([name]) => name === startAt), ...all.filter(([name]) => name !== startAt)];
}
