/**
 * What the server does not tell of Express executions: it knows them once they have ended, and not by which
 * definition they went.
 */

import { fits } from "../model/fits";
import type { RunView } from "../model/run";
import { call } from "./client";
import { keep, readKept } from "./kept";
import { listAll } from "./queries";
import type { Machine, Revision } from "./types";

/** An Express execution takes five minutes at most; a little more is left for clocks that differ. */
const LONGEST_S = 310;
const STARTS_KEPT = 20;
/** Older revisions than so many are not looked through. */
const REVISIONS_MAX = 20;

interface Started {
  executionArn: string;
  startDate: number;
}

function starts(): Started[] {
  const kept = readKept("express-starts");
  return Array.isArray(kept) ? (kept as Started[]) : [];
}

/** Keeps that it was started, for its page has nothing to go by until it has ended. */
export function rememberStart(started: Started): void {
  keep("express-starts", [started, ...starts()].slice(0, STARTS_KEPT));
}

/** When it was started, if that was from here and it may still run. */
export function startOf(executionArn: string): number | undefined {
  const startDate = starts().find((each) => each.executionArn === executionArn)?.startDate;
  return startDate !== undefined && Date.now() / 1_000 - startDate < LONGEST_S ? startDate : undefined;
}

/** Whether one that is not there yet may still come: asked for since `since`, in milliseconds. */
export function mayStillCome(since: number): boolean {
  return Date.now() - since < LONGEST_S * 1_000;
}

export type DefinitionOfExpress = Pick<Machine, "definition"> & {
  roleArn?: string;
  /** None that fits is there any more: this is the present one. */
  isGuess?: boolean;
};

/** The newest definition that there was at its start and that fits: a version or an alias may have named an older one. */
export async function definitionOfExpress(stateMachineArn: string, startDate: number, run: Pick<RunView, "steps">, signal: AbortSignal): Promise<DefinitionOfExpress> {
  const revisions = await listAll<Revision>("Stepwell.ListStateMachineRevisions", { stateMachineArn, maxResults: 1_000 }, "revisions", 1_000, signal);
  for (const { number } of revisions.filter(({ creationDate }) => creationDate <= startDate).slice(0, REVISIONS_MAX)) {
    const { definition, roleArn } = await call<Revision>("Stepwell.DescribeStateMachineRevision", { stateMachineArn, number }, signal);
    if (definition !== undefined && fits(definition, run)) return { definition, roleArn };
  }
  const { definition } = await call<Machine>("DescribeStateMachine", { stateMachineArn }, signal);
  return { definition, isGuess: true };
}
