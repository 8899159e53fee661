/** What the tasks of a step are about: waiting for somebody, or another execution. */

import type { HistoryEvent } from "../../api/types";
import { detailsOf } from "../../api/types";
import type { Step } from "../../model/run";

/** Whether somebody has to answer a task token or do an activity for the step to go on. */
export function waitsForAnswer(step: Step): boolean {
  const attempt = step.attempts.at(-1);
  if (step.status !== "running" || attempt?.status !== "running") return false;
  if (attempt.resourceType === "activity" || /:activity:/.test(attempt.resource ?? "")) return true;
  return attempt.resource?.endsWith(".waitForTaskToken") ?? false;
}

/** The execution that a step started, if what it got back names one. */
export function childOf(step: Step, { result, output }: { result?: string; output?: string }): string | undefined {
  if (!step.attempts.some(isStart)) return undefined;
  return executionArnIn(result) ?? executionArnIn(output);
}

export function isStart({ resource }: { resource?: string }): boolean {
  return /^start(Sync)?Execution\b/.test(resource ?? "");
}

/** The execution that an event of a started one names. */
export function childOfEvent(event: HistoryEvent): string | undefined {
  return executionArnIn(detailsOf(event).output);
}

function executionArnIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const { ExecutionArn: arn } = JSON.parse(text) as { ExecutionArn?: unknown };
    return typeof arn === "string" && arn.startsWith("arn:") ? arn : undefined;
  } catch {
    return undefined;
  }
}
