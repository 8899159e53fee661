/** The inbox: every task that waits for an answer from outside, to be completed or failed by hand. */

import { useState } from "react";
import { machineArnOf, shortName } from "../api/arn";
import { call } from "../api/client";
import type { WaitingTask } from "../api/types";
import { Link, path, useQuery, useSetQuery } from "../router";
import { useKeys } from "../ui/keys";
import { Button, Empty, ErrorNotice, Loading } from "../ui/parts";
import { toast, toastError } from "../ui/toasts";
import { AnswerDialog, type Outcome } from "./inbox/answer-dialog";
import "./inbox/inbox.css";
import { TaskRow } from "./inbox/task-row";
import { choices, groupTasks, keyOf, matches, type Filter } from "./inbox/tasks";
import { useWaiting } from "./inbox/waiting";

export function InboxPage() {
  const [search, setSearch] = useQuery("search");
  const [kind, setKind] = useQuery("kind");
  const [machine, setMachine] = useQuery("machine");
  const [activity, setActivity] = useQuery("activity");
  const [execution] = useQuery("execution");
  const setQuery = useSetQuery();
  const filter: Filter = { search, kind, machine, activity, execution };
  const waiting = useWaiting(machine || (execution && machineArnOf(execution)));
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [answering, setAnswering] = useState<{ tasks: WaitingTask[]; outcome: Outcome }>();

  const all = waiting.tasks ?? [];
  const shown = all.filter((task) => matches(task, filter));
  const isFiltered = [search, kind, machine, activity, execution].some(Boolean);
  const chosen = shown.filter((task) => selected.has(keyOf(task)));
  const clear = () => setQuery({ search: "", kind: "", machine: "", activity: "", execution: "" });
  const select = (tasks: WaitingTask[], on: boolean) => {
    const next = new Set(selected);
    for (const task of tasks) {
      if (on) next.add(keyOf(task));
      else next.delete(keyOf(task));
    }
    setSelected(next);
  };
  const heartbeat = async (task: WaitingTask) => {
    try {
      await call("SendTaskHeartbeat", { taskToken: task.taskToken });
      toast(`Sent a heartbeat for ${task.stateName}`);
    } catch (error) {
      toastError("No heartbeat was sent", error);
    }
    waiting.refetch();
  };

  const move = (by: number) => {
    const titles = [...document.querySelectorAll<HTMLElement>(".tasks .task .title")];
    const at = titles.findIndex((title) => title.closest(".task")?.contains(document.activeElement));
    titles[at < 0 ? 0 : at + by]?.focus();
  };
  useKeys([
    { key: "j", does: "Next task; Enter opens it", run: () => move(1) },
    { key: "k", does: "Task before", run: () => move(-1) },
  ]);

  return (
    <>
      <div className="page-head">
        <div>
          <h1>Waiting tasks</h1>
          <p className="muted">Tasks that wait until somebody answers: with a task token, or as a worker of an activity.</p>
        </div>
      </div>
      {(waiting.tasks === undefined || all.length > 0 || isFiltered) && (
        <div className="inbox-filters" role="search" aria-label="Waiting tasks">
          <input type="search" className="input" data-search aria-label="Search state, execution, worker, input" placeholder="State, execution, worker, input" value={search} onChange={(event) => setSearch(event.target.value)} />
          <select className="input" aria-label="Kind" value={kind} onChange={(event) => setKind(event.target.value)}>
            <option value="">Any kind</option>
            <option value="CALLBACK">With a task token</option>
            <option value="ACTIVITY">Activity</option>
          </select>
          <Choice label="State machine" any="Any state machine" value={machine} onChange={setMachine} of={choices(all, (task) => task.stateMachineArn)} />
          <Choice label="Activity" any="Any activity" value={activity} onChange={setActivity} of={choices(all, (task) => task.activityArn)} />
          {isFiltered && <Button kind="quiet" icon="close" onClick={clear}>Clear</Button>}
        </div>
      )}
      {execution && <p className="row wrap of-execution">Only those of the execution <Link className="name" to={path("executions", execution)}>{shortName(execution)}</Link></p>}
      {waiting.error ? <ErrorNotice error={waiting.error} retry={waiting.refetch} what="Waiting tasks cannot be listed" /> : null}
      {waiting.tasks === undefined && !waiting.error && <Loading what="Looking for tasks that wait" />}
      {waiting.tasks && (
        <p className="small muted inbox-count" role="status">
          {waiting.pages !== undefined && <span className="spinner" aria-hidden="true" />}
          {shown.length === 1 ? "1 task waits" : `${shown.length} tasks wait`}
          {isFiltered && shown.length < all.length && ` of ${all.length}`}
          {waiting.pages !== undefined && ` so far; looked through ${waiting.pages === 1 ? "one page" : `${waiting.pages} pages`} of running executions…`}
        </p>
      )}
      {waiting.tasks && shown.length === 0 && waiting.pages === undefined && (
        <section className="card">
          {isFiltered ? (
            <Empty title="No waiting task matches these filters" action={<Button onClick={clear}>Show all</Button>} />
          ) : (
            <Empty title="Nothing waits for an answer">Tasks show up here as soon as an execution reaches a state whose resource ends in <code>.waitForTaskToken</code>, or an activity.</Empty>
          )}
        </section>
      )}
      {chosen.length > 0 && (
        <div className="card chosen" role="region" aria-label="Selected tasks">
          <strong>{chosen.length} selected</strong>
          <Button small kind="primary" onClick={() => setAnswering({ tasks: chosen, outcome: "SUCCEED" })}>Complete all</Button>
          <Button small kind="danger" onClick={() => setAnswering({ tasks: chosen, outcome: "FAIL" })}>Fail all</Button>
          <Button small kind="quiet" onClick={() => setSelected(new Set())}>Clear selection</Button>
        </div>
      )}
      {groupTasks(shown).map((group) => {
        const on = group.tasks.filter((task) => selected.has(keyOf(task))).length;
        const name = shortName(group.machine);
        return (
          <section key={group.machine} className="card tasks" aria-label={`Tasks of ${name}`}>
            <header>
              <input
                type="checkbox"
                aria-label={`Select all tasks of ${name}`}
                checked={on > 0 && on === group.tasks.length}
                ref={(box) => {
                  if (box) box.indeterminate = on > 0 && on < group.tasks.length;
                }}
                onChange={(event) => select(group.tasks, event.target.checked)}
              />
              <h2 className="ellipsis"><Link className="name" to={path("machines", group.machine)}>{name}</Link></h2>
              <span className="small muted">{group.tasks.length}</span>
            </header>
            <ul>
              {group.tasks.map((task) => (
                <TaskRow
                  key={keyOf(task)}
                  task={task}
                  selected={selected.has(keyOf(task))}
                  onSelect={(isOn) => select([task], isOn)}
                  onComplete={() => setAnswering({ tasks: [task], outcome: "SUCCEED" })}
                  onFail={() => setAnswering({ tasks: [task], outcome: "FAIL" })}
                  onHeartbeat={() => void heartbeat(task)}
                />
              ))}
            </ul>
          </section>
        );
      })}
      {waiting.hasMore && <div><Button onClick={waiting.loadMore}>Look for more</Button></div>}
      {answering && (
        <AnswerDialog
          {...answering}
          onClose={() => setAnswering(undefined)}
          onAnswered={() => {
            setSelected(new Set());
            waiting.refetch();
          }}
        />
      )}
    </>
  );
}

/** A choice of which there may be only one: then it is not worth its room, unless it is made. */
function Choice({ label, any, value, onChange, of }: { label: string; any: string; value: string; onChange: (value: string) => void; of: { arn: string; name: string }[] }) {
  if (!value && of.length < 2) return null;
  return (
    <select className="input" aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{any}</option>
      {value && !of.some(({ arn }) => arn === value) && <option value={value}>{shortName(value)}</option>}
      {of.map(({ arn, name }) => <option key={arn} value={arn}>{name}</option>)}
    </select>
  );
}
