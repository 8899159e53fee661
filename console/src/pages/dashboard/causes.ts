/**
 * Failures that have the same reason, told as one.
 *
 * Causes differ in what they name: an order, a moment, an amount. Without quoted texts, ids and numbers
 * they are the same, and that is what failures are grouped by.
 */

import type { RecentFailure } from "../../api/types";

export interface FailureGroup {
  key: string;
  error: string;
  /** What people read, of the newest of them. */
  cause?: string;
  /** ARNs of the state machines, the one that failed most recently first. */
  machines: string[];
  /** Newest first. */
  failures: RecentFailure[];
}

/** A Lambda function's error is JSON with a message in it; the API cuts long causes, so it may be half of one. */
const ERROR_MESSAGE = /^\s*\{.*?"errorMessage"\s*:\s*("(?:\\.|[^"\\])*")/s;

/** A child execution that fails is told as its description, in which its own cause comes first. */
const CHILD_CAUSE = /^\s*\{\s*"Cause"\s*:\s*("(?:\\.|[^"\\])*")(?=.*"(?:Error|ExecutionArn)"\s*:)/s;

/** What a cause says to people: the message alone where it is JSON around that of a function or of a child execution. */
export function readableCause(cause: string): string {
  const message = (CHILD_CAUSE.exec(cause) ?? ERROR_MESSAGE.exec(cause))?.[1];
  if (message === undefined) return cause;
  try {
    const inner = JSON.parse(message) as string;
    return inner ? readableCause(inner) : cause;
  } catch {
    return cause;
  }
}

/** A cause without what differs from one execution to the next. */
export function normalizedCause(cause: string): string {
  return readableCause(cause)
    .replace(/"(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`|“[^”]*”/g, "“…”")
    .replace(/\barn:[a-z-]+:\S+/g, "ARN")
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, "ID")
    .replace(/\b(?=[a-z-]*\d)[0-9a-z]+(?:[-_][0-9a-z]+)*\b/gi, "N")
    .replace(/N(?:[.,:]N)+/g, "N")
    .replace(/\s+/g, " ")
    .trim();
}

/** Groups failures, which come newest first; the group with the newest one first. */
export function groupFailures(failures: RecentFailure[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const failure of failures) {
    const error = failure.error ?? (failure.status === "TIMED_OUT" ? "States.Timeout" : "No error name");
    const key = `${error}\n${failure.cause === undefined ? "" : normalizedCause(failure.cause)}`;
    let group = groups.get(key);
    if (!group) {
      group = { key, error, cause: failure.cause === undefined ? undefined : readableCause(failure.cause), machines: [], failures: [] };
      groups.set(key, group);
    }
    group.failures.push(failure);
    if (!group.machines.includes(failure.stateMachineArn)) group.machines.push(failure.stateMachineArn);
  }
  return [...groups.values()];
}
