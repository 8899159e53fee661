/** Whether the page is so narrow that rows have two lines: as the style sheet has it. */

import { useSyncExternalStore } from "react";

const NARROW = window.matchMedia("(max-width: 820px)");

function subscribe(listener: () => void): () => void {
  NARROW.addEventListener("change", listener);
  return () => NARROW.removeEventListener("change", listener);
}

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => NARROW.matches);
}
