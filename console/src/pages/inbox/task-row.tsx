/** One waiting task: what it is, since when and until when it waits, and what can be done with it. */

import { useState } from "react";
import { shortName } from "../../api/arn";
import type { WaitingTask } from "../../api/types";
import { Link, path } from "../../router";
import { Icon } from "../../ui/icons";
import { Button, CopyButton, Property } from "../../ui/parts";
import { Payload } from "../../ui/payload";
import { Ago, Elapsed, formatDuration, Moment, useNow } from "../../ui/time";
import { deadlineOf } from "./tasks";

export interface TaskRowProps {
  task: WaitingTask;
  selected: boolean;
  onSelect: (selected: boolean) => void;
  onComplete: () => void;
  onFail: () => void;
  onHeartbeat: () => void;
}

export function TaskRow({ task, selected, onSelect, onComplete, onFail, onHeartbeat }: TaskRowProps) {
  const [open, setOpen] = useState(false);
  const name = shortName(task.executionArn);
  const what = `${task.stateName} of ${name}`;
  const isTaken = task.taskToken !== undefined;
  return (
    <li className={selected ? "task selected" : "task"}>
      <input type="checkbox" aria-label={`Select ${what}`} checked={selected} onChange={(event) => onSelect(event.target.checked)} />
      <div className="what">
        <button type="button" className="title" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? "down" : "right"} size={12} />
          <span className="name">{task.stateName}</span>
        </button>
        <Link className="ellipsis small" title={name} to={`${path("executions", task.executionArn)}?${new URLSearchParams({ state: task.stateName })}`}>{name}</Link>
      </div>
      <div className="small who">
        <span className="ellipsis" title={task.resource}>{task.kind === "ACTIVITY" ? `Activity ${shortName(task.activityArn ?? task.resource)}` : resourceName(task.resource)}</span>
        <span className="muted ellipsis">{task.kind === "CALLBACK" ? "waits for its token" : isTaken ? <>taken by <bdi>{task.workerName ?? "a worker"}</bdi></> : "no worker has taken it"}</span>
      </div>
      <div className="small when">
        <span>waiting for <Elapsed from={task.scheduledDate} /></span>
        <DeadlineText task={task} />
        {task.timeoutDate !== undefined && task.heartbeatInSeconds !== undefined && <span className="muted">{limitOf(task)}</span>}
      </div>
      <div className="row acts">
        {task.heartbeatInSeconds !== undefined && task.taskToken !== undefined && <Button kind="quiet" small onClick={onHeartbeat} aria-label={`Send a heartbeat for ${what}`}>Heartbeat</Button>}
        <Button small onClick={onFail} aria-label={`Fail ${what}`}>Fail</Button>
        <Button small kind="primary" onClick={onComplete} aria-label={`Complete ${what}`}>Complete</Button>
      </div>
      {open && <Details task={task} />}
    </li>
  );
}

/** `sqs:sendMessage` out of `arn:aws:states:::sqs:sendMessage.waitForTaskToken`. */
function resourceName(resource: string): string {
  return resource.replace(/^arn:aws[a-z-]*:states:[^:]*:[^:]*:/, "").replace(/\.waitForTaskToken$/, "");
}

function DeadlineText({ task }: { task: WaitingTask }) {
  const deadline = deadlineOf(task, useNow());
  // The time of an activity's task begins when a worker has it.
  if (!deadline) return <span className="muted">{limitOf(task)}</span>;
  if (deadline.urgency === "far") return <span className="muted">times out <Ago seconds={deadline.seconds} /></span>;
  return (
    <span className="near">
      <Icon name="timedout" size={12} /> {deadline.urgency === "over" ? "deadline passed" : "times out"} <Ago seconds={deadline.seconds} />
    </span>
  );
}

/** What ends a task apart from its timeout. */
function limitOf({ kind, taskToken, heartbeatInSeconds }: WaitingTask): string {
  if (kind === "ACTIVITY" && taskToken === undefined) return "no deadline until it is taken";
  return heartbeatInSeconds === undefined ? "no time limit" : `a heartbeat every ${formatDuration(heartbeatInSeconds * 1_000)}`;
}

function Details({ task }: { task: WaitingTask }) {
  return (
    <div className="details stack">
      {task.input !== undefined && <Payload title={`Input of ${task.stateName}`} text={task.input} raw={task.inputTruncated} actions={<span className="small muted grow">Input{task.inputTruncated && ": the beginning of it; all of it is with the execution"}</span>} />}
      <dl className="properties">
        <Property name="Execution"><span className="mono name">{task.executionArn}</span></Property>
        <Property name="Resource"><span className="mono name">{task.resource}</span></Property>
        <Property name="Scheduled"><Moment seconds={task.scheduledDate} /></Property>
        {task.startedDate !== undefined && <Property name="Started"><Moment seconds={task.startedDate} /></Property>}
        {task.timeoutDate !== undefined && <Property name="Times out"><Moment seconds={task.timeoutDate} /></Property>}
        {task.heartbeatInSeconds !== undefined && <Property name="Heartbeat">at least every {formatDuration(task.heartbeatInSeconds * 1_000)}</Property>}
        {task.taskToken !== undefined && <Property name="Task token"><span className="row"><span className="mono ellipsis">{task.taskToken}</span><CopyButton text={task.taskToken} label="Copy token" /></span></Property>}
      </dl>
    </div>
  );
}
