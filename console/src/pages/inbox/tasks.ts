/** What is known of a waiting task without asking the server: how it is called, how long it may still wait. */

import { shortName } from "../../api/arn";
import type { WaitingTask } from "../../api/types";

/** What the list is narrowed to; `""` is anything. */
export interface Filter {
  search: string;
  kind: string;
  machine: string;
  activity: string;
  execution: string;
}

/** Within this of its deadline a task is one to hurry with, in seconds. */
const NEAR_SECONDS = 300;

/** Two lists know a task by this. */
export function keyOf(task: WaitingTask): string {
  return `${task.executionArn} ${task.scheduledEventId}`;
}

export interface Deadline {
  seconds: number;
  /** `near`: within five minutes, or within the last tenth of the time that there was. */
  urgency: "far" | "near" | "over";
}

/** When a task times out, if it does. When its last heartbeat was is not told. */
export function deadlineOf(task: WaitingTask, nowMs: number): Deadline | undefined {
  const seconds = task.timeoutDate;
  if (seconds === undefined) return undefined;
  const left = seconds - nowMs / 1_000;
  const whole = seconds - (task.startedDate ?? task.scheduledDate);
  const near = Math.min(NEAR_SECONDS, Math.max(whole / 10, 30));
  return { seconds, urgency: left <= 0 ? "over" : left < near ? "near" : "far" };
}

/** Whether a task is one of those asked for. */
export function matches(task: WaitingTask, { search, kind, machine, activity, execution }: Filter): boolean {
  if (kind && task.kind !== kind) return false;
  if (machine && task.stateMachineArn !== machine) return false;
  if (activity && task.activityArn !== activity) return false;
  if (execution && task.executionArn !== execution) return false;
  const sought = search.trim().toLowerCase();
  if (!sought) return true;
  const texts = [task.stateName, task.executionArn, task.resource, task.workerName ?? "", task.input ?? ""];
  return texts.some((text) => text.toLowerCase().includes(sought));
}

/** Tasks by state machine, the machine whose task waits longest first; within one likewise. */
export function groupTasks(tasks: WaitingTask[]): { machine: string; tasks: WaitingTask[] }[] {
  const groups = new Map<string, WaitingTask[]>();
  for (const task of tasks.toSorted((a, b) => a.scheduledDate - b.scheduledDate)) {
    const group = groups.get(task.stateMachineArn);
    if (group) group.push(task);
    else groups.set(task.stateMachineArn, [task]);
  }
  return [...groups].map(([machine, of]) => ({ machine, tasks: of }));
}

/** What there is to choose from, by name. */
export function choices(tasks: WaitingTask[], of: (task: WaitingTask) => string | undefined): { arn: string; name: string }[] {
  const arns = new Set(tasks.flatMap((task) => of(task) ?? []));
  return [...arns].map((arn) => ({ arn, name: shortName(arn) })).sort((a, b) => a.name.localeCompare(b.name));
}
