/** What the execution was given, and what it gave back. */

import type { Execution, ExecutionStatus } from "../../api/types";
import { Payload } from "../../ui/payload";

export function InputOutput({ execution, status }: { execution: Execution; status: ExecutionStatus }) {
  const { input, output } = execution;
  return (
    <div className="execution-io">
      <section className="stack" aria-label="Input of the execution">
        <h2>Input</h2>
        {input === undefined ? <p className="muted">It is not kept.</p> : <Payload text={input} title="Input of the execution" />}
      </section>
      <section className="stack" aria-label="Output of the execution">
        <h2>Output</h2>
        {output !== undefined ? <Payload text={output} title="Output of the execution" /> : <p className="muted">{status === "RUNNING" ? "Not yet: it is still running." : "There is none, for it did not succeed."}</p>}
      </section>
    </div>
  );
}
