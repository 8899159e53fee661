/** Whether the page is as narrow as a phone, where what would be hidden by style alone should not be there at all. */

import { useSyncExternalStore } from "react";

/** The same width as in the style sheets. */
const narrow = window.matchMedia("(max-width: 720px)");

function subscribe(listener: () => void): () => void {
  narrow.addEventListener("change", listener);
  return () => narrow.removeEventListener("change", listener);
}

export function useIsNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => narrow.matches);
}
