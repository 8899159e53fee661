/** A history as a file, in the shape of `GetExecutionHistory`. */

import { readEvents } from "../../api/history";
import type { HistoryEvent } from "../../api/types";

/** So many events are asked for at once; their payloads may be large. */
const PAGE_EVENTS = 500;

/**
 * Reads all events with their payloads and hands them to the browser as a download. `onProgress` hears how
 * much of it is there, from 0 to 1.
 */
export async function exportHistory(executionArn: string, fileName: string, onProgress: (part: number) => void, signal: AbortSignal): Promise<void> {
  // One text for each page: a whole history may be too long for one.
  const parts: string[] = ['{"events":['];
  let next = 1;
  for (;;) {
    const { events, lastEventId } = await readEvents(executionArn, next, PAGE_EVENTS, signal);
    if (events.length === 0) break;
    parts.push(next === 1 ? "" : ",", events.map(write).join(","));
    next = events[events.length - 1].id + 1;
    onProgress(Math.min(1, (next - 1) / lastEventId));
    if (next > lastEventId) break;
  }
  parts.push("\n]}\n");
  const url = URL.createObjectURL(new Blob(parts, { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${fileName.replaceAll(/[^\w.-]+/g, "_").slice(0, 100) || "execution"}.history.json`;
  link.click();
  // The download has begun by then, whatever the browser.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function write(event: HistoryEvent): string {
  return `\n${JSON.stringify(event)}`;
}
