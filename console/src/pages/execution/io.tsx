/** What the execution was given, and what it gave back. */

import type { Execution, ExecutionStatus } from "../../api/types";
import { Payload } from "../../ui/payload";

interface Props {
  execution: Execution;
  status: ExecutionStatus;
}

/** `heading` is the level that fits the place. */
export function ExecutionPayloads({ execution, status, heading: Heading }: Props & { heading: "h2" | "h3" }) {
  const { input, output } = execution;
  return (
    <>
      {input === undefined ? <p className="muted">The input is not kept.</p> : <Payload text={input} title="Input of the execution" actions={<Heading>Input</Heading>} />}
      {output !== undefined ? <Payload text={output} title="Output of the execution" actions={<Heading>Output</Heading>} /> : <p className="muted">{status === "RUNNING" ? "There is no output yet: it is still running." : "There is no output, for it did not succeed."}</p>}
    </>
  );
}

/** Both beside each other. */
export function InputOutput(props: Props) {
  return <div className="execution-io"><ExecutionPayloads {...props} heading="h2" /></div>;
}
