/** Shapes of the API, as far as the console reads them. Dates are seconds since the epoch. */

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" | "PENDING_REDRIVE";
export type MachineType = "STANDARD" | "EXPRESS";

export interface MachineSummary {
  stateMachineArn: string;
  name: string;
  type: MachineType;
  creationDate: number;
}

export interface Machine extends MachineSummary {
  status: "ACTIVE" | "DELETING";
  definition: string;
  roleArn: string;
  loggingConfiguration?: { level?: string; includeExecutionData?: boolean; destinations?: object[] };
  tracingConfiguration?: { enabled?: boolean };
  encryptionConfiguration?: { type: string; kmsKeyId?: string };
  revisionId?: string;
  description?: string;
}

export interface ExecutionSummary {
  executionArn: string;
  stateMachineArn: string;
  name: string;
  status: ExecutionStatus;
  startDate: number;
  stopDate?: number;
  stateMachineVersionArn?: string;
  stateMachineAliasArn?: string;
  redriveCount?: number;
  redriveDate?: number;
}

export interface Execution extends ExecutionSummary {
  input?: string;
  output?: string;
  error?: string;
  cause?: string;
  traceHeader?: string;
  redriveStatus?: "REDRIVABLE" | "NOT_REDRIVABLE" | "REDRIVABLE_BY_MAP_RUN";
  redriveStatusReason?: string;
  billingDetails?: { billedDurationInMilliseconds: number; billedMemoryUsedInMB: number };
  historyTruncated?: boolean;
}

/** What the event stream says of an execution. */
export interface LiveExecution {
  executionArn: string;
  stateMachineArn: string;
  name: string;
  status: ExecutionStatus;
  startDate: number;
  stopDate?: number;
  redriveCount?: number;
  lastEventId: number;
}

/** The members that details of history events may have. Which ones there are depends on the type. */
export interface EventDetails {
  name?: string;
  index?: number;
  length?: number;
  input?: string;
  output?: string;
  error?: string;
  cause?: string;
  resource?: string;
  resourceType?: string;
  region?: string;
  parameters?: string;
  location?: string;
  state?: string;
  workerName?: string;
  timeoutInSeconds?: number;
  heartbeatInSeconds?: number;
  roleArn?: string;
  mapRunArn?: string;
  redriveCount?: number;
  assignedVariables?: Record<string, string>;
}

export interface HistoryEvent {
  id: number;
  previousEventId: number;
  timestamp: number;
  type: string;
  /** `taskFailedEventDetails` and the like; use `detailsOf`. */
  [details: string]: unknown;
}

/** The details of an event, whatever member they are in; empty for an event that has none. */
export function detailsOf(event: HistoryEvent): EventDetails {
  for (const member in event) {
    if (member.endsWith("EventDetails")) return event[member] as EventDetails;
  }
  return {};
}

export interface Diagnostic {
  severity: "ERROR" | "WARNING";
  code: string;
  message: string;
  location?: string;
  /** The exact place (RFC 6901). */
  pointer: string;
  hint?: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

export interface MetricPoint {
  timestamp: number;
  executionsStarted: number;
  executionsSucceeded: number;
  executionsFailed: number;
  executionsTimedOut: number;
  executionsAborted: number;
  executionsOpen: number;
  /** In milliseconds; absent if none ended. */
  executionTime?: { average: number; p50: number; p99: number; maximum: number };
}

export interface Metrics {
  periodSeconds: number;
  points: MetricPoint[];
  /** Of all points together: quantiles cannot be added. */
  executionTime?: MetricPoint["executionTime"];
  openExecutions: number;
}

/** Executions of a machine by status: running now, the others since a day ago. */
export interface MachineCounts {
  stateMachineArn: string;
  running: number;
  started: number;
  succeeded: number;
  failed: number;
  timedOut: number;
  aborted: number;
  lastStartDate?: number;
}

export interface RecentFailure {
  executionArn: string;
  stateMachineArn: string;
  name: string;
  status: ExecutionStatus;
  startDate: number;
  stopDate: number;
  error?: string;
  cause?: string;
  stateName?: string;
}

export interface WaitingTask {
  executionArn: string;
  stateMachineArn: string;
  stateName: string;
  kind: "CALLBACK" | "ACTIVITY";
  resource: string;
  activityArn?: string;
  /** Absent for an activity task that no worker has taken yet. */
  taskToken?: string;
  workerName?: string;
  scheduledEventId: number;
  scheduledDate: number;
  startedDate?: number;
  timeoutDate?: number;
  /** It ends if nobody sends a heartbeat for so long, from when it was sent or taken. */
  heartbeatInSeconds?: number;
  input?: string;
  inputTruncated?: boolean;
}

export interface Activity {
  activityArn: string;
  name: string;
  creationDate: number;
}

export interface Revision {
  revisionId: string;
  number: number;
  creationDate: number;
  isCurrent?: boolean;
  versions?: number[];
  definition?: string;
  roleArn?: string;
}
