/** Keeps what is shown of machines and lists fresh: the event stream of the place says what changed. */

import { useEffect } from "react";
import { queries } from "./queries";
import { onSessionChange } from "./session";
import { follow } from "./stream";

/** Questions whose answer any start or end of an execution of a machine may change. */
const OF_A_MACHINE = ["machine", "executions"];
/** Questions about all machines together. */
const OF_THE_PLACE = ["machines", "counts", "metrics", "failures", "waiting"];
/** Those are asked for again at most this often, however much happens. */
const PLACE_MS = 1_000;
/** A page that is told of nothing, since it has no stream of its own, asks again this often. */
const GLANCE_MS = 3_000;

/** Whether the place was followed before, so that what is shown may be older than its stream. */
let greeted = false;

/** Follows the place while it may be told of. */
export function useLivePlace(enabled: boolean): void {
  useEffect(() => {
    if (!enabled) return;
    let stop = () => {};
    const begin = () => {
      stop();
      stop = follow({
        onMessage: ({ event, data }, isGlance) => {
          if (event === "changes") invalidate((JSON.parse(data) as { stateMachineArns: string[] }).stateMachineArns);
          // Whatever changed while there was no stream was not told.
          if (event === "hello" && greeted) isGlance ? glance() : invalidateAll();
          greeted = true;
        },
      });
    };
    begin();
    const unsubscribe = onSessionChange(begin);
    return () => {
      unsubscribe();
      stop();
    };
  }, [enabled]);
}

function invalidateAll(): void {
  void queries.invalidateQueries({ predicate: ({ queryKey: [about] }) => [...OF_A_MACHINE, ...OF_THE_PLACE].includes(about as string) });
}

let glancedAt = 0;

/** As before, but for waiting tasks, which are asked for every few seconds anyhow. */
function glance(): void {
  if (Date.now() - glancedAt < GLANCE_MS) return;
  glancedAt = Date.now();
  const wanted = [...OF_A_MACHINE, ...OF_THE_PLACE].filter((about) => about !== "waiting");
  void queries.invalidateQueries({ predicate: ({ queryKey: [about] }) => wanted.includes(about as string) }, { cancelRefetch: false });
}

let lastAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function invalidate(machineArns: string[]): void {
  const changed = new Set(machineArns);
  void queries.invalidateQueries({
    predicate: ({ queryKey }) => {
      const [about, arn] = queryKey as [string, string];
      return OF_A_MACHINE.includes(about) && changed.has(arn);
    },
  });
  timer ??= setTimeout(invalidatePlace, Math.max(0, lastAt + PLACE_MS - Date.now()));
}

function invalidatePlace(): void {
  timer = undefined;
  lastAt = Date.now();
  for (const about of OF_THE_PLACE) {
    // To look through all that waits may take long. What happens meanwhile must not begin it anew each time,
    // or it would never end; it is asked for every few seconds anyhow.
    void queries.invalidateQueries({ queryKey: [about] }, { cancelRefetch: about !== "waiting" });
  }
}
