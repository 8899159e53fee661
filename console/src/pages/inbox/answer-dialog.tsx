/** Answers tasks by hand: one, or several with the same output. Why, says a note that is kept in the server's log. */

import { useState } from "react";
import { shortName } from "../../api/arn";
import { call } from "../../api/client";
import { ApiError } from "../../api/errors";
import type { WaitingTask } from "../../api/types";
import { checkJson } from "../../editor/json-check";
import { JsonField } from "../../editor/json-field";
import { Button, Dialog, ErrorNotice, Notice } from "../../ui/parts";
import { Payload } from "../../ui/payload";
import { toast } from "../../ui/toasts";

export type Outcome = "SUCCEED" | "FAIL";

/** By this name the history says who took a task of an activity. */
const WORKER_NAME = "console";

const NOTE_CHARS_MAX = 1_000;
const ERROR_CHARS_MAX = 256;
const CAUSE_CHARS_MAX = 32_768;

/** The server says by these that there is nothing to answer any more. */
const ENDED = ["TaskTimedOut", "TaskDoesNotExist"];

export function AnswerDialog({ tasks, outcome, onClose, onAnswered }: {
  tasks: WaitingTask[];
  outcome: Outcome;
  onClose: () => void;
  /** Some were answered, or turned out to have ended. */
  onAnswered: () => void;
}) {
  const [output, setOutput] = useState("{}");
  const [error, setError] = useState("");
  const [cause, setCause] = useState("");
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [left, setLeft] = useState(tasks);
  const [ended, setEnded] = useState(0);
  const [refusal, setRefusal] = useState<unknown>();
  const succeed = outcome === "SUCCEED";
  const wrong = succeed && checkJson(output) !== undefined;
  const [only] = left.length === 1 ? left : [];

  const answer = async () => {
    if (busy || wrong || left.length === 0) return;
    setBusy(true);
    setRefusal(undefined);
    const how = succeed ? { output } : { ...(error ? { error } : {}), ...(cause ? { cause } : {}) };
    let [answered, late] = [0, 0];
    let remaining = left;
    try {
      for (const task of left) {
        let current = task;
        try {
          if (task.taskToken === undefined) {
            // Kept for another try, should the answer be refused.
            current = { ...task, taskToken: await take(task) };
            remaining = remaining.map((each) => (each === task ? current : each));
          }
          await call("Stepwell.AnswerTask", { taskToken: current.taskToken, outcome, ...how, ...(note ? { note } : {}) });
          answered += 1;
        } catch (reason) {
          if (!(reason instanceof ApiError) || !ENDED.includes(reason.kind)) throw reason;
          late += 1;
        }
        remaining = remaining.filter((each) => each !== current);
      }
    } catch (reason) {
      setRefusal(reason);
    }
    setBusy(false);
    setLeft(remaining);
    setEnded(ended + late);
    if (answered > 0) toast(`${succeed ? "Completed" : "Failed"} ${answered === 1 ? left[0].stateName : `${answered} tasks`}`);
    if (answered + late > 0) onAnswered();
    if (remaining.length === 0 && late === 0) onClose();
  };

  const verb = succeed ? "Complete" : "Fail";
  const title = tasks.length === 1 ? `${verb} ${tasks[0].stateName}` : `${verb} ${tasks.length} tasks`;
  return (
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={() => void answer()}
      footer={<>
        <Button onClick={onClose}>{left.length === 0 ? "Close" : "Cancel"}</Button>
        {left.length > 0 && <Button kind={succeed ? "primary" : "danger"} type="submit" disabled={busy || wrong}>{busy ? "Sending…" : left.length === 1 ? verb : `${verb} ${left.length} tasks`}</Button>}
      </>}
    >
      {ended > 0 && (
        <Notice tone="caught" icon="caught" title={ended === 1 ? "This task has ended meanwhile" : `${ended} tasks have ended meanwhile`}>
          Somebody else answered, it timed out, or its execution was stopped. Your answer changes nothing.
        </Notice>
      )}
      {refusal !== undefined && <ErrorNotice error={refusal} what={left.length === tasks.length ? "Nothing was answered" : `${left.length} of ${tasks.length} tasks were not answered`} />}
      {only?.executionArn && <p className="small muted">of the execution <bdi className="name">{shortName(only.executionArn)}</bdi></p>}
      {only?.input !== undefined && (
        <div className="field">
          <span className="label">What it was given{only.inputTruncated && " (the beginning of it)"}</span>
          <Payload title="Input of the task" text={only.input} raw={only.inputTruncated} />
        </div>
      )}
      {left.length > 0 && (succeed ? (
        <JsonField label="Output" value={output} onChange={setOutput} rows={6} autoFocus hint={tasks.length > 1 ? "The same for each of them." : "What the state goes on with."} />
      ) : (
        <>
          <div className="field">
            <label htmlFor="answer-error">Error</label>
            <input id="answer-error" className="input mono" autoFocus autoComplete="off" maxLength={ERROR_CHARS_MAX} value={error} onChange={(event) => setError(event.target.value)} />
            <span className="hint">The name that Retry and Catch look for, such as OrderRefused.</span>
          </div>
          <div className="field">
            <label htmlFor="answer-cause">Cause</label>
            <textarea id="answer-cause" className="input" rows={3} maxLength={CAUSE_CHARS_MAX} value={cause} onChange={(event) => setCause(event.target.value)} />
          </div>
        </>
      ))}
      {left.length > 0 && (
        <div className="field">
          <label htmlFor="answer-note">Note (optional)</label>
          <textarea id="answer-note" className="input" rows={2} maxLength={NOTE_CHARS_MAX} value={note} onChange={(event) => setNote(event.target.value)} />
          <span className="hint">Why you answer by hand. It stands in the server's log with your name; the execution does not see it.</span>
        </div>
      )}
    </Dialog>
  );
}

/** Takes a task of an activity that no worker has taken: only then it has a token. */
async function take({ executionArn, scheduledEventId }: WaitingTask): Promise<string> {
  const { taskToken } = await call<{ taskToken?: string }>("Stepwell.TakeActivityTask", { executionArn, scheduledEventId, workerName: WORKER_NAME });
  if (taskToken === undefined) throw new ApiError("TaskTimedOut", "The task does not wait for a worker any more.", 400);
  return taskToken;
}
