/**
 * What the server does not tell of Express executions: it knows them once they have ended, and not by which
 * definition they went.
 */

import { fits } from "../model/fits";
import type { RunView } from "../model/run";
import { call } from "./client";
import { ApiError } from "./errors";
import { keep, readKept } from "./kept";
import { listAll } from "./queries";
import type { Machine, Revision } from "./types";

/** An Express execution takes five minutes at most; a little more is left for its end to be kept. */
const LONGEST_MS = 310_000;
const STARTS_KEPT = 20;
/** Older revisions than so many are not looked through. */
const REVISIONS_MAX = 20;

interface Started {
  executionArn: string;
  /** In milliseconds, by the clock of the browser: it is what the wait is measured by. */
  at: number;
}

function starts(): Started[] {
  const kept = readKept("express-starts");
  return Array.isArray(kept) ? (kept as Started[]) : [];
}

/** Keeps that it was started, for its page has nothing to go by until it has ended. */
export function rememberStart(executionArn: string): void {
  keep("express-starts", [{ executionArn, at: Date.now() }, ...starts()].slice(0, STARTS_KEPT));
}

/** When it was started, in milliseconds, if that was from here. */
export function startedAt(executionArn: string): number | undefined {
  return starts().find((each) => each.executionArn === executionArn)?.at;
}

/** Until when one that is not there now may still come, in milliseconds. */
export function awaitUntil(executionArn: string): number {
  return (startedAt(executionArn) ?? Date.now()) + LONGEST_MS;
}

export type DefinitionOfExpress = Pick<Machine, "definition"> & {
  roleArn?: string;
  /** None that fits is there any more, or may be seen: this is the present one. */
  isGuess?: boolean;
};

export async function definitionOfExpress(stateMachineArn: string, startDate: number, run: Pick<RunView, "steps">, signal: AbortSignal): Promise<DefinitionOfExpress> {
  try {
    const fitting = await revisionOf(stateMachineArn, startDate, run, signal);
    if (fitting) return fitting;
  } catch (error) {
    // Revisions are ours: a policy that was made for AWS does not allow them.
    if (!(error instanceof ApiError && error.isDenied)) throw error;
  }
  const { definition } = await call<Machine>("DescribeStateMachine", { stateMachineArn }, signal);
  return { definition, isGuess: true };
}

/** The newest definition that there was at its start and that fits: a version or an alias may have named an older one. */
async function revisionOf(stateMachineArn: string, startDate: number, run: Pick<RunView, "steps">, signal: AbortSignal): Promise<DefinitionOfExpress | undefined> {
  const revisions = await listAll<Revision>("Stepwell.ListStateMachineRevisions", { stateMachineArn, maxResults: 1_000 }, "revisions", 1_000, signal);
  for (const { number } of revisions.filter(({ creationDate }) => creationDate <= startDate).slice(0, REVISIONS_MAX)) {
    const { definition, roleArn } = await call<Revision>("Stepwell.DescribeStateMachineRevision", { stateMachineArn, number }, signal);
    if (definition !== undefined && fits(definition, run)) return { definition, roleArn };
  }
  return undefined;
}
