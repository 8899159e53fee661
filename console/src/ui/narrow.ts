/** Whether the page is narrow, where what would be hidden by style alone should not be there at all. */

import { useMemo, useSyncExternalStore } from "react";

/** Up to which width of the window, in pixels; the style sheets have the same. */
export type Narrow = 720 | 820;

export function useIsNarrow(width: Narrow): boolean {
  const { subscribe, matches } = useMemo(() => {
    const query = window.matchMedia(`(max-width: ${width}px)`);
    return {
      subscribe: (listener: () => void) => {
        query.addEventListener("change", listener);
        return () => query.removeEventListener("change", listener);
      },
      matches: () => query.matches,
    };
  }, [width]);
  return useSyncExternalStore(subscribe, matches);
}
