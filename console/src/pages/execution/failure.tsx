/** Why the execution failed, where nobody can miss it. */

import type { Execution, ExecutionStatus } from "../../api/types";
import type { Step } from "../../model/run";
import { Icon } from "../../ui/icons";
import { Button } from "../../ui/parts";
import { executionTone } from "../../ui/status";
import { Cause } from "./cause";

export interface Reason {
  error?: string;
  cause?: string;
}

/** What there is to tell of an execution that ended without success. */
export function reasonOf(execution: Execution, status: ExecutionStatus, step: Step | undefined): Reason | undefined {
  if (status !== "FAILED" && status !== "TIMED_OUT" && status !== "ABORTED") return undefined;
  // One that timed out has no error in its description; that of the step is as good.
  const reason = { error: execution.error ?? step?.error, cause: execution.cause ?? step?.cause };
  return status === "ABORTED" && reason.error === undefined && reason.cause === undefined && !step ? undefined : reason;
}

interface Props {
  reason: Reason;
  status: ExecutionStatus;
  step: Step | undefined;
  iterations: readonly number[];
  /** The step is what the page shows, if it is wide enough. */
  isShown: boolean;
  onShow: () => void;
}

export function Failure({ reason: { error, cause }, status, step, iterations, isShown, onShow }: Props) {
  const { tone, icon, text } = executionTone(status);
  return (
    <section className={`failure tone-${tone}`} aria-label="Why it failed">
      <Icon name={icon} size={18} />
      <div className="grow">
        <h2>
          <span className="name">{error ?? text}</span>
          {step && <span className="where"> in <bdi>{step.name}</bdi>{iterations.length > 0 && `, iteration ${iterations.join(" › ")}`}</span>}
        </h2>
        {cause !== undefined && <Cause cause={cause} />}
      </div>
      {step && <Button icon="right" className={isShown ? "where-narrow" : ""} onClick={onShow}>Go to the {status === "ABORTED" ? "aborted" : "failed"} step</Button>}
    </section>
  );
}
