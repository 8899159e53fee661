/** Which states two definitions differ in. A state that holds others counts as changed for what is its own. */

export type StateChange = "added" | "removed" | "changed";

const INNER = ["ItemProcessor", "Iterator", "Branches"];

type Json = Record<string, unknown>;

/** Every state with what is its own, its keys in order. */
function statesOf(definition: unknown, found = new Map<string, string>()): Map<string, string> {
  const states = (definition as { States?: Record<string, Json> } | null)?.States;
  if (typeof states !== "object" || states === null) return found;
  for (const [name, state] of Object.entries(states)) {
    if (typeof state !== "object" || state === null) continue;
    const own: Json = { ...state };
    for (const member of INNER) {
      const inner = state[member];
      if (inner === undefined) continue;
      const machines = Array.isArray(inner) ? inner : [inner];
      own[member] = machines.map((machine) => ({ ...(machine as Json), States: undefined }));
      machines.forEach((machine) => statesOf(machine, found));
    }
    found.set(name, sorted(own));
  }
  return found;
}

/** The same text for the same value, in whatever order its keys are. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each,
  );
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function diffStates(before: string, after: string): Map<string, StateChange> {
  const [old, now] = [statesOf(read(before)), statesOf(read(after))];
  const changes = new Map<string, StateChange>();
  for (const [name, state] of now) {
    const was = old.get(name);
    if (was === undefined) changes.set(name, "added");
    else if (was !== state) changes.set(name, "changed");
  }
  for (const name of old.keys()) {
    if (!now.has(name)) changes.set(name, "removed");
  }
  return changes;
}
