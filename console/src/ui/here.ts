/** Whether somebody still is where they began something that takes a while. */

import { useCallback, useEffect, useRef } from "react";

/** Tells whether the caller is still on the page: an answer that comes later leads nobody away. */
export function useIsHere(): () => boolean {
  const here = useRef(true);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);
  return useCallback(() => here.current, []);
}
