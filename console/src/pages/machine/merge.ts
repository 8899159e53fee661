/** One list out of pages that were asked for at different times. */

import type { ExecutionSummary } from "../../api/types";

/** Executions put together from a fresh head and older pages; of two that are the same the fresher counts. */
export function merge(head: ExecutionSummary[], older: ExecutionSummary[][]): ExecutionSummary[] {
  const byArn = new Map<string, ExecutionSummary>();
  for (const page of [head, ...older]) {
    for (const execution of page) {
      if (!byArn.has(execution.executionArn)) byArn.set(execution.executionArn, execution);
    }
  }
  return [...byArn.values()].sort((a, b) => b.startDate - a.startDate || (a.executionArn < b.executionArn ? 1 : -1));
}
