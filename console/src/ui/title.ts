/** What the tab of the browser says, while the caller is on the page. */

import { useEffect } from "react";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Stepwell`;
    return () => {
      document.title = "Stepwell";
    };
  }, [title]);
}
