/** The layout of a machine, made aside if it is large. */

import { useEffect, useState } from "react";
import type { Machine } from "../model/machine";
import { countStates, layout, type Layout } from "./layout";
import type { LayoutAnswer, LayoutRequest } from "./layout.worker";

/** Up to so many states, asking a worker takes longer than doing it. */
const STATES_FEW = 40;

let worker: Worker | undefined;
let lastId = 0;
const waiting = new Map<number, { machine: Machine; answered: (answer: Omit<LayoutAnswer, "id">) => void }>();

function askWorker(machine: Machine, answered: (answer: Omit<LayoutAnswer, "id">) => void): () => void {
  if (!worker) {
    worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
      waiting.get(data.id)?.answered(data);
      waiting.delete(data.id);
    };
    // One that cannot be loaded, as after the server was replaced, answers nothing.
    worker.onerror = () => {
      worker = undefined;
      const asked = [...waiting.values()];
      waiting.clear();
      for (const { machine: theirs, answered: tell } of asked) tell(make(theirs));
    };
  }
  lastId += 1;
  const id = lastId;
  waiting.set(id, { machine, answered });
  worker.postMessage({ id, machine } satisfies LayoutRequest);
  return () => void waiting.delete(id);
}

interface Made {
  /** What it is of. */
  machine: Machine;
  layout?: Layout;
  error?: string;
}

/** While a new layout is made, the last one goes on being shown. */
export function useLayout(machine: Machine): { layout?: Layout; isStale: boolean; error?: string } {
  const [made, setMade] = useState<Made | undefined>(() => (isFew(machine) ? make(machine) : undefined));
  useEffect(() => {
    if (made?.machine === machine) return;
    const set = (next: Made) => setMade((last) => ({ ...next, layout: next.layout ?? last?.layout }));
    if (isFew(machine)) {
      set(make(machine));
      return;
    }
    return askWorker(machine, ({ layout, error }) => set({ machine, layout, error }));
  }, [machine, made?.machine]);
  return { layout: made?.layout, isStale: made?.machine !== machine, error: made?.error };
}

function isFew(machine: Machine): boolean {
  return countStates(machine.scope) <= STATES_FEW;
}

function make(machine: Machine): Made {
  try {
    return { machine, layout: layout(machine) };
  } catch (error) {
    return { machine, error: String(error) };
  }
}
