/** Stops or redrives several executions, a few at a time, and tells which of them would not. */

import { useRef, useState } from "react";
import { call } from "../../api/client";
import { describeError } from "../../api/errors";
import type { ExecutionSummary } from "../../api/types";
import { Button, Dialog, Notice } from "../../ui/parts";

export interface BulkAction {
  kind: "stop" | "redrive";
  executions: ExecutionSummary[];
}

/** How many calls are under way at once. */
const AT_ONCE = 4;

export function BulkDialog({ action, onClose }: { action: BulkAction; onClose: () => void }) {
  const { kind, executions } = action;
  const [phase, setPhase] = useState<"asking" | "working" | "done">("asking");
  const [done, setDone] = useState(0);
  const [refused, setRefused] = useState<{ name: string; message: string }[]>([]);
  const [cause, setCause] = useState("");
  const halted = useRef(false);

  const one = async (execution: ExecutionSummary) => {
    try {
      const { executionArn } = execution;
      if (kind === "stop") await call("StopExecution", { executionArn, ...(cause ? { cause } : {}) });
      else await call("RedriveExecution", { executionArn });
    } catch (error) {
      setRefused((before) => [...before, { name: execution.name, message: describeError(error) }]);
    }
    setDone((before) => before + 1);
  };
  const begin = async () => {
    setPhase("working");
    const waiting = [...executions];
    const worker = async () => {
      for (let next = waiting.shift(); next && !halted.current; next = waiting.shift()) await one(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    setPhase("done");
  };
  const close = () => {
    halted.current = true;
    onClose();
  };

  const many = executions.length === 1 ? "1 execution" : `${executions.length.toLocaleString()} executions`;
  const title = kind === "stop" ? `Stop ${many}` : `Redrive ${many}`;
  const footer = phase === "asking"
    ? <><Button onClick={close}>Cancel</Button><Button kind={kind === "stop" ? "danger" : "primary"} type="submit">{title}</Button></>
    : phase === "working" ? <Button onClick={() => { halted.current = true; }}>Leave the rest</Button> : <Button kind="primary" onClick={close}>Close</Button>;
  return (
    <Dialog title={title} onClose={close} onSubmit={() => phase === "asking" && void begin()} footer={footer}>
      {phase === "asking" && (
        <>
          <p>{kind === "stop" ? "They end at once as aborted." : "They go on from the states that failed, with the definition they were started with."}</p>
          {kind === "stop" && (
            <div className="field">
              <label htmlFor="stop-cause">Cause (optional)</label>
              <input id="stop-cause" className="input" maxLength={32_768} value={cause} onChange={(event) => setCause(event.target.value)} />
            </div>
          )}
        </>
      )}
      {phase !== "asking" && (
        <>
          <div className="progress" role="progressbar" aria-label={title} aria-valuemin={0} aria-valuemax={executions.length} aria-valuenow={done}>
            <div style={{ width: `${(100 * done) / executions.length}%` }} />
          </div>
          <p role="status">{done.toLocaleString()} of {executions.length.toLocaleString()}{phase === "done" && refused.length === 0 && (done === executions.length ? ": all done" : ": the rest was left")}</p>
          {refused.length > 0 && (
            <>
              <Notice tone="failed" icon="failed" title={`${refused.length.toLocaleString()} would not`} />
              <ul className="refusals">
                {refused.slice(0, 200).map((each) => <li key={each.name}><span className="name">{each.name}</span><span className="muted small name">{each.message}</span></li>)}
              </ul>
            </>
          )}
        </>
      )}
    </Dialog>
  );
}
