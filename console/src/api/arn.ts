/** What an ARN of Step Functions names. */

export interface Arn {
  region: string;
  account: string;
  kind: string;
  /** The state machine, or the activity. */
  machine: string;
  /** The execution's name; of a machine its version or alias. */
  name?: string;
}

export function parseArn(arn: string): Arn | undefined {
  const [prefix, , service, region, account, kind, machine, ...rest] = arn.split(":");
  if (prefix !== "arn" || service !== "states" || !region || !account || !kind || !machine) return undefined;
  return { region, account, kind, machine, name: rest[0] };
}

/** The ARN of the state machine that an execution, a version or an alias belongs to. */
export function machineArnOf(arn: string): string {
  const parts = arn.split(":");
  parts[5] = "stateMachine";
  return parts.slice(0, 7).join(":");
}

/** Whether an execution is one of an Express state machine. */
export function isExpress(executionArn: string): boolean {
  return executionArn.split(":")[5] === "express";
}

/** The part of an ARN that people call it by. */
export function shortName(arn: string): string {
  const parsed = parseArn(arn);
  return parsed ? (parsed.name ?? parsed.machine) : arn;
}
