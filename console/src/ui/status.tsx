/** A status: colour, icon and word together, so that none of them has to be seen alone. */

import type { ExecutionStatus } from "../api/types";
import type { StepStatus } from "../model/run";
import { Icon, type IconName } from "./icons";

export interface Tone {
  tone: "running" | "succeeded" | "failed" | "caught" | "aborted" | "timedout" | "waiting" | "plain";
  icon: IconName;
  text: string;
}

const EXECUTION: Record<ExecutionStatus, Tone> = {
  RUNNING: { tone: "running", icon: "running", text: "Running" },
  SUCCEEDED: { tone: "succeeded", icon: "succeeded", text: "Succeeded" },
  FAILED: { tone: "failed", icon: "failed", text: "Failed" },
  TIMED_OUT: { tone: "timedout", icon: "timedout", text: "Timed out" },
  ABORTED: { tone: "aborted", icon: "aborted", text: "Aborted" },
  PENDING_REDRIVE: { tone: "waiting", icon: "waiting", text: "Pending redrive" },
};

const STEP: Record<StepStatus, Tone> = {
  running: { tone: "running", icon: "running", text: "In progress" },
  succeeded: { tone: "succeeded", icon: "succeeded", text: "Succeeded" },
  failed: { tone: "failed", icon: "failed", text: "Failed" },
  caught: { tone: "caught", icon: "caught", text: "Caught error" },
  timedout: { tone: "timedout", icon: "timedout", text: "Timed out" },
  aborted: { tone: "aborted", icon: "aborted", text: "Aborted" },
};

export function executionTone(status: ExecutionStatus): Tone {
  return EXECUTION[status] ?? { tone: "plain", icon: "help", text: status };
}

export function stepTone(status: StepStatus): Tone {
  return STEP[status];
}

export function Badge({ tone }: { tone: Tone }) {
  return (
    <span className={`badge tone-${tone.tone}`}>
      <Icon name={tone.icon} size={12} />
      {tone.text}
    </span>
  );
}

export function ExecutionBadge({ status }: { status: ExecutionStatus }) {
  return <Badge tone={executionTone(status)} />;
}

export function StepBadge({ status }: { status: StepStatus }) {
  return <Badge tone={stepTone(status)} />;
}
