/** One sign for each type of state. */

import type { ReactNode } from "react";

const SHAPES: Record<string, ReactNode> = {
  Task: <><rect x="2.5" y="3.5" width="11" height="9" rx="2" /><path d="M5.5 8h5M8.5 6l2 2-2 2" /></>,
  Pass: <path d="M2.5 8h10M9 4.5L12.5 8 9 11.5" />,
  Choice: <path d="M8 2l6 6-6 6-6-6zM8 6v2.4M8 10.4v.2" />,
  Wait: <><circle cx="8" cy="8" r="5.5" /><path d="M8 5v3.2l2 1.3" /></>,
  Succeed: <><circle cx="8" cy="8" r="5.5" /><path d="M5.5 8.2l1.8 1.8 3.2-3.6" /></>,
  Fail: <><circle cx="8" cy="8" r="5.5" /><path d="M6 6l4 4M10 6l-4 4" /></>,
  Parallel: <path d="M8 2v3M8 5H4v6h4M8 5h4v6H8M8 11v3" />,
  Map: <><rect x="2" y="5.5" width="8.5" height="8.5" rx="1.5" /><path d="M5 3.8A1.5 1.5 0 0 1 6.3 2.5H12A1.5 1.5 0 0 1 13.5 4v5.7a1.5 1.5 0 0 1-1.3 1.5" /></>,
};

const UNKNOWN = <><circle cx="8" cy="8" r="5.5" strokeDasharray="3 2.5" /><path d="M8 5v3.5M8 10.8v.2" /></>;

export function TypeIcon({ type, size = 16 }: { type: string; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {SHAPES[type] ?? UNKNOWN}
    </svg>
  );
}
