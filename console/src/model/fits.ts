import { parseMachine, type Scope } from "./machine";
import type { RunView } from "./run";

/** Whether a run can have gone by a definition: it has all states that were entered. */
export function fits(definition: string, run: Pick<RunView, "steps">): boolean {
  const types = new Map<string, string>();
  const read = (scope: Scope) => {
    for (const state of scope.states) {
      types.set(state.name, state.type);
      state.scopes.forEach(read);
    }
  };
  read(parseMachine(definition).machine.scope);
  return [...run.steps.values()].every(({ name, type }) => types.get(name) === type);
}
