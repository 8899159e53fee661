/** Why the execution failed, where nobody can miss it. */

import type { Execution, ExecutionStatus } from "../../api/types";
import type { Step } from "../../model/run";
import { Icon } from "../../ui/icons";
import { Button } from "../../ui/parts";
import { executionTone } from "../../ui/status";
import { Cause } from "./cause";

export function Failure({ execution, status, step, iterations, onShow }: { execution: Execution; status: ExecutionStatus; step: Step | undefined; iterations: readonly number[]; onShow: () => void }) {
  if (status !== "FAILED" && status !== "TIMED_OUT" && status !== "ABORTED") return null;
  // One that timed out has no error in its description; that of the step is as good.
  const error = execution.error ?? step?.error;
  const cause = execution.cause ?? step?.cause;
  if (status === "ABORTED" && error === undefined && cause === undefined && !step) return null;
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
      {step && <Button icon="right" onClick={onShow}>Go to the {status === "ABORTED" ? "aborted" : "failed"} step</Button>}
    </section>
  );
}
