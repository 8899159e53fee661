/** The kinds of events, for people who look for one of them. */

import { detailsOf, type HistoryEvent } from "../../api/types";

export const GROUPS = [
  { id: "failures", label: "Failures", matches: /Failed$|TimedOut$|Aborted$/ },
  { id: "execution", label: "Execution", matches: /^Execution/ },
  { id: "states", label: "States", matches: /State(Entered|Exited)$/ },
  { id: "tasks", label: "Tasks", matches: /^(Task(?!State)|LambdaFunction|Activity)/ },
  { id: "maps", label: "Map and Parallel", matches: /^(Map|Parallel)(Iteration|Run|State(?!Entered|Exited))/ },
] as const;

/** The tone of an event, from how its type ends. */
export function toneOf(type: string): "failed" | "succeeded" | "aborted" | "timedout" | "plain" {
  if (/Failed$/.test(type)) return "failed";
  if (/TimedOut$/.test(type)) return "timedout";
  if (/Aborted$/.test(type)) return "aborted";
  return /Succeeded$/.test(type) ? "succeeded" : "plain";
}

/** The events of a group that have a text in their type, state or error. `nameOf` tells the state of an event. */
export function filterEvents(events: readonly HistoryEvent[], group: string, text: string, nameOf: (event: HistoryEvent) => string): readonly HistoryEvent[] {
  const matches = GROUPS.find(({ id }) => id === group)?.matches;
  const wanted = text.trim().toLowerCase();
  if (!matches && wanted === "") return events;
  return events.filter((event) => {
    if (matches && !matches.test(event.type)) return false;
    if (wanted === "") return true;
    return event.type.toLowerCase().includes(wanted) || nameOf(event).toLowerCase().includes(wanted) || (detailsOf(event).error?.toLowerCase().includes(wanted) ?? false) || `#${event.id}` === wanted;
  });
}
