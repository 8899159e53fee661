/**
 * What is selected on the page of an execution. It stands in the address, so that a link says it all:
 * `?tab=events&event=17`, `?state=Charge&step=12`, `?state=Each line&iteration=777`.
 */

import { useCallback, useEffect, useRef, useState } from "react";
import { useRouter, useSetQuery } from "../../router";

export const TABS = ["graph", "timeline", "table", "events", "io"] as const;
export type TabId = (typeof TABS)[number];

export interface Selection {
  /** The state, also one that was not entered. */
  state?: string;
  /** The visit of it. */
  step?: number;
  /** An event of the history. */
  event?: number;
  /** The iterations that were picked, of the outermost Map first. */
  iterations: readonly number[];
}

/** How long the address may lag behind: browsers refuse to change it many times a second. */
const ADDRESS_LAG_MS = 150;

/** Reads a selection out of a query. */
export function readSelection(query: URLSearchParams): Selection {
  const number = (name: string) => {
    const text = query.get(name);
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const picked = query.get("iteration") ?? "";
  return {
    state: query.get("state") ?? undefined,
    step: number("step"),
    event: number("event"),
    iterations: /^\d{1,9}(\.\d{1,9})*$/.test(picked) ? picked.split(".").map(Number) : [],
  };
}

/** The parameters of the query that say a selection. */
export function writeSelection({ state, step, event, iterations }: Selection): Record<string, string> {
  return {
    state: state ?? "",
    step: step?.toString() ?? "",
    event: event?.toString() ?? "",
    iteration: iterations.join("."),
  };
}

/** The selection, and how to change it. What changes it only now and then is written to the address soon after. */
export function useSelection(): [Selection, (next: Selection) => void] {
  const { location } = useRouter();
  const setQuery = useSetQuery();
  const [ahead, setAhead] = useState<Selection>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const select = useCallback(
    (next: Selection) => {
      setAhead(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        setQuery(writeSelection(next));
        setAhead(undefined);
      }, ADDRESS_LAG_MS);
    },
    [setQuery],
  );
  return [ahead ?? readSelection(location.query), select];
}
