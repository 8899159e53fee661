/** The icons: drawn here, so that nothing has to be fetched. All take the colour of the text around. */

import type { ReactNode } from "react";

const SHAPES = {
  succeeded: <path d="M3.5 8.5l3 3 6-7" />,
  failed: <path d="M4 4l8 8M12 4l-8 8" />,
  running: <><circle cx="8" cy="8" r="5.5" strokeDasharray="20 15" /><circle cx="8" cy="8" r="1.5" fill="currentColor" stroke="none" /></>,
  timedout: <><circle cx="8" cy="8" r="5.5" /><path d="M8 4.8V8l2.2 1.6" /></>,
  aborted: <><circle cx="8" cy="8" r="5.5" /><path d="M4.3 11.7l7.4-7.4" /></>,
  caught: <path d="M8 2.5l6 10.5H2zM8 6.5v3M8 11.2v.3" />,
  waiting: <path d="M5 2.5h6M5 13.5h6M5.5 2.5c0 3 2.5 3.5 2.5 5.5s-2.5 2.5-2.5 5.5M10.5 2.5c0 3-2.5 3.5-2.5 5.5s2.5 2.5 2.5 5.5" />,
  retry: <path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3" />,
  dashboard: <path d="M2.5 13.5v-5M6.2 13.5v-8M9.8 13.5v-3.5M13.5 13.5v-11" />,
  machine: <><rect x="5.5" y="1.8" width="5" height="3.4" rx="1" /><rect x="1.5" y="10.8" width="5" height="3.4" rx="1" /><rect x="9.5" y="10.8" width="5" height="3.4" rx="1" /><path d="M8 5.2v2.6M4 10.8V8h8v2.8" /></>,
  inbox: <path d="M2 9l2-6h8l2 6v4.5H2zM2 9h3.5l1 2h3l1-2H14" />,
  worker: <><circle cx="8" cy="5" r="2.8" /><path d="M2.5 14c.6-3 2.6-4.5 5.5-4.5s4.9 1.5 5.5 4.5" /></>,
  search: <><circle cx="7" cy="7" r="4.3" /><path d="M10.2 10.2L14 14" /></>,
  plus: <path d="M8 3v10M3 8h10" />,
  minus: <path d="M3 8h10" />,
  close: <path d="M4 4l8 8M12 4l-8 8" />,
  copy: <><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" /></>,
  play: <path d="M5 3l8 5-8 5z" />,
  stop: <rect x="4" y="4" width="8" height="8" rx="1" />,
  download: <path d="M8 2.5v8M4.5 7.5L8 11l3.5-3.5M2.5 13.5h11" />,
  down: <path d="M4 6l4 4 4-4" />,
  right: <path d="M6 4l4 4-4 4" />,
  external: <path d="M6.5 3H3v10h10V9.5M9 2.5h4.5V7M13 3L7.5 8.5" />,
  sun: <><circle cx="8" cy="8" r="2.8" /><path d="M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1" /></>,
  moon: <path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z" />,
  help: <><circle cx="8" cy="8" r="6" /><path d="M6.2 6.2a1.8 1.8 0 1 1 2.5 1.7c-.5.2-.7.6-.7 1.1v.3M8 11.6v.2" /></>,
  trash: <path d="M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4" />,
  edit: <path d="M10.5 2.5l3 3-8 8h-3v-3z" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, size = 14 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {SHAPES[name]}
    </svg>
  );
}
