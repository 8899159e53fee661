/** What can be done with an execution. */

import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { isExpress, machineArnOf } from "../../api/arn";
import { call } from "../../api/client";
import { queries } from "../../api/queries";
import type { Execution, ExecutionStatus } from "../../api/types";
import { Link, path } from "../../router";
import { Icon } from "../../ui/icons";
import { Button, CopyButton, Dialog, ErrorNotice } from "../../ui/parts";
import { toast, toastError } from "../../ui/toasts";
import { exportHistory } from "./export";

export function Actions({ execution, status }: { execution: Execution; status: ExecutionStatus }) {
  const { executionArn } = execution;
  const [stopping, setStopping] = useState(false);
  // By the alias or version that it was started with.
  const start = path("machines", execution.stateMachineAliasArn ?? execution.stateMachineVersionArn ?? machineArnOf(execution.stateMachineArn));
  return (
    <div className="actions">
      {status === "RUNNING" && !isExpress(executionArn) && <Button kind="danger" icon="stop" onClick={() => setStopping(true)}>Stop</Button>}
      {status !== "RUNNING" && <Redrive execution={execution} />}
      <Link className="button" to={`${start}?start=1&copy=${encodeURIComponent(executionArn)}`}>
        <Icon name="play" /> New execution
      </Link>
      <Export execution={execution} />
      <CopyButton text={executionArn} label={<span className="from-wide">Copy ARN</span>} small={false} />
      {stopping && <StopDialog executionArn={executionArn} onClose={() => setStopping(false)} />}
    </div>
  );
}

function Redrive({ execution }: { execution: Execution }) {
  const { executionArn, redriveStatus } = execution;
  const [asking, setAsking] = useState(false);
  if (execution.status === "SUCCEEDED" || isExpress(executionArn)) return null;
  const why = redriveStatus === "REDRIVABLE" ? undefined : (execution.redriveStatusReason ?? "It cannot be redriven.");
  return (
    <>
      <Button icon="retry" disabled={why !== undefined} title={why ?? "Goes on at the step that did not succeed"} aria-describedby={why && "no-redrive"} onClick={() => setAsking(true)}>
        Redrive
      </Button>
      {why && <span id="no-redrive" className="visually-hidden">{why}</span>}
      {asking && <RedriveDialog executionArn={executionArn} onClose={() => setAsking(false)} />}
    </>
  );
}

function RedriveDialog({ executionArn, onClose }: { executionArn: string; onClose: () => void }) {
  const redrive = useMutation({
    mutationFn: () => call("RedriveExecution", { executionArn }),
    onSuccess: () => {
      toast("Redriven");
      void queries.invalidateQueries({ queryKey: ["execution", executionArn] });
      onClose();
    },
  });
  return (
    <Dialog
      title="Redrive the execution"
      onClose={onClose}
      onSubmit={() => redrive.mutate()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" icon="retry" type="submit" disabled={redrive.isPending}>Redrive</Button>
        </>
      }
    >
      <p>It goes on at the steps that did not succeed, with the same input and the same definition. What succeeded is not done again.</p>
      {redrive.error && <ErrorNotice error={redrive.error} what="It was not redriven" />}
    </Dialog>
  );
}

function Export({ execution }: { execution: Execution }) {
  const [part, setPart] = useState<number>();
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const begin = async () => {
    const mine = new AbortController();
    running.current = mine;
    setPart(0);
    try {
      await exportHistory(execution.executionArn, execution.name, setPart, mine.signal);
    } catch (error) {
      if (!mine.signal.aborted) toastError("The history was not exported", error);
    }
    if (running.current === mine) setPart(undefined);
  };
  if (part === undefined) return <Button icon="download" onClick={() => void begin()}><span className="from-wide">Export history</span></Button>;
  return (
    <Button icon="close" title="Stop the export" onClick={() => running.current?.abort()}>
      <progress value={part} max={1} aria-label="Exported so far" /> {Math.floor(part * 100)} %
    </Button>
  );
}

/** `SensitiveError` and `SensitiveCause` */
const ERROR_MAX = 256;
const CAUSE_MAX = 32_768;

function StopDialog({ executionArn, onClose }: { executionArn: string; onClose: () => void }) {
  const [error, setError] = useState("");
  const [cause, setCause] = useState("");
  const stop = useMutation({
    mutationFn: () => call("StopExecution", { executionArn, ...(error ? { error } : {}), ...(cause ? { cause } : {}) }),
    onSuccess: () => {
      toast("Stopped");
      onClose();
    },
  });
  return (
    <Dialog
      title="Stop the execution"
      onClose={onClose}
      onSubmit={() => stop.mutate()}
      footer={
        <>
          <Button onClick={onClose}>Let it run</Button>
          <Button kind="danger" icon="stop" type="submit" disabled={stop.isPending}>Stop it</Button>
        </>
      }
    >
      <p>It ends as <b>Aborted</b>. Both fields may stay empty; they are kept in the history.</p>
      <div className="field">
        <label htmlFor="stop-error">Error</label>
        <input id="stop-error" className="input mono" maxLength={ERROR_MAX} value={error} onChange={(event) => setError(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor="stop-cause">Cause</label>
        <textarea id="stop-cause" className="input" rows={4} maxLength={CAUSE_MAX} value={cause} onChange={(event) => setCause(event.target.value)} />
      </div>
      {stop.error && <ErrorNotice error={stop.error} what="It was not stopped" />}
    </Dialog>
  );
}
