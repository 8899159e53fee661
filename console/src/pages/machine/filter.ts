/** What the list of executions is narrowed to. */

import type { ExecutionSummary } from "../../api/types";

/** `""` and undefined are anything. */
export interface Filter {
  words: string;
  status: string;
  /** A version's number or an alias's name. */
  via: string;
  /** In seconds since the epoch, of the start. */
  from?: number;
  to?: number;
}

/** Whether an execution is one of those asked for. */
export function matches(execution: ExecutionSummary, { words, status, via, from, to }: Filter): boolean {
  if (status && execution.status !== status) return false;
  const ways = [execution.stateMachineVersionArn, execution.stateMachineAliasArn].map((arn) => arn?.split(":").at(-1));
  if (via && !ways.includes(via)) return false;
  if (from && execution.startDate < from) return false;
  if (to && execution.startDate > to) return false;
  return execution.name.toLowerCase().includes(words.trim().toLowerCase());
}
