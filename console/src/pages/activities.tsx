/** Activities: what workers outside ask for tasks of. */

import { useQuery as useAsked, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { parseArn } from "../api/arn";
import { call } from "../api/client";
import { ApiError } from "../api/errors";
import { wrongName } from "../api/names";
import { listAll, placeKey } from "../api/queries";
import type { Activity } from "../api/types";
import { Link, path, useQuery, useRouter } from "../router";
import { useIsHere } from "../ui/here";
import { Button, CopyButton, Dialog, Empty, ErrorNotice, Loading } from "../ui/parts";
import { Moment, ShortMoment } from "../ui/time";
import { toast } from "../ui/toasts";
import "./machine/machine.css";
import { TagsTab } from "./machine/tags";
import { VirtualTable, type Column } from "./machine/virtual-table";

function useActivities() {
  return useAsked({
    queryKey: ["activities", placeKey()],
    queryFn: ({ signal }) => listAll<Activity>("ListActivities", { maxResults: 1000 }, "activities", 100_000, signal),
  });
}

const waitingOf = (activityArn: string) => `inbox?${new URLSearchParams({ activity: activityArn })}`;

export function ActivitiesPage() {
  const activities = useActivities();
  const [words, setWords] = useQuery("q");
  const [open, setOpen] = useState<{ kind: "create" } | { kind: "delete"; activity: Activity }>();
  const close = () => setOpen(undefined);
  const all = activities.data ?? [];
  const rows = all.filter(({ name }) => name.toLowerCase().includes(words.trim().toLowerCase())).toSorted((a, b) => a.name.localeCompare(b.name));
  const columns: Column<Activity>[] = [
    {
      id: "name", label: "Name", width: "minmax(0, 1fr)",
      cell: (row) => <Link className="name-link" to={path("activities", row.activityArn)} title={row.name}><bdi>{row.name}</bdi></Link>,
      below: (row) => <>Created <ShortMoment seconds={row.creationDate} /></>,
    },
    { id: "created", label: "Created", width: "136px", from: "medium", cell: (row) => <ShortMoment seconds={row.creationDate} /> },
    { id: "waiting", label: <span className="visually-hidden">Waiting tasks</span>, width: "100px", from: "medium", cell: (row) => <Link to={waitingOf(row.activityArn)} aria-label={`Waiting tasks of ${row.name}`}>Waiting tasks</Link> },
    { id: "delete", label: <span className="visually-hidden">What to do</span>, width: "32px", number: true, cell: (row) => <Button kind="quiet" small icon="trash" aria-label={`Delete the activity ${row.name}`} title="Delete" onClick={() => setOpen({ kind: "delete", activity: row })} /> },
  ];
  return (
    <>
      <div className="page-head">
        <div>
          <h1>Activities</h1>
          <p className="muted">Workers of yours ask for the tasks of an activity, and answer them.</p>
        </div>
        {all.length > 0 && <div className="actions"><Button kind="primary" onClick={() => setOpen({ kind: "create" })}>Create activity</Button></div>}
      </div>
      {activities.error && !activities.data && <ErrorNotice error={activities.error} retry={() => void activities.refetch()} what="The activities cannot be listed" />}
      {activities.isPending && <Loading what="Loading activities" />}
      {all.length > 0 && (
        <div className="filters">
          <input className="input" type="search" data-search placeholder="Search by name" aria-label="Search by name" value={words} onChange={(event) => setWords(event.target.value)} />
          {words && <span className="muted small" role="status">{rows.length} found</span>}
        </div>
      )}
      {rows.length > 0 ? <VirtualTable label="Activities" columns={columns} rows={rows} keyOf={(row) => row.activityArn} /> : activities.data && (
        <div className="card">
          {all.length > 0
            ? <Empty title="No activity has such a name" action={<Button onClick={() => setWords("")}>Show all</Button>} />
            : <Empty title="There is no activity here yet" action={<Button kind="primary" onClick={() => setOpen({ kind: "create" })}>Create activity</Button>}>A Task state names one as its resource, and waits until a worker has answered.</Empty>}
        </div>
      )}
      {open?.kind === "create" && <CreateDialog names={all.map(({ name }) => name)} onClose={close} />}
      {open?.kind === "delete" && <DeleteDialog activity={open.activity} onClose={close} onDone={close} />}
    </>
  );
}

export function ActivityPage({ activityArn }: { activityArn: string }) {
  const { navigate } = useRouter();
  const isHere = useIsHere();
  const [deleting, setDeleting] = useState(false);
  const { data, error, isPending, refetch } = useAsked({ queryKey: ["activity", activityArn], queryFn: ({ signal }) => call<Activity>("DescribeActivity", { activityArn }, signal) });
  const isMissing = error instanceof ApiError && error.isMissing;
  // One that was deleted is still remembered.
  const activity = isMissing ? undefined : data;
  return (
    <>
      <div className="page-head">
        <div className="grow" style={{ flexBasis: 320 }}>
          <nav className="crumbs" aria-label="Breadcrumb"><Link to="activities">Activities</Link></nav>
          <h1 className="name">{parseArn(activityArn)?.machine ?? activityArn}</h1>
          {activity && <div className="machine-facts"><span>Created <Moment seconds={activity.creationDate} /></span></div>}
        </div>
        {activity && (
          <div className="actions">
            <CopyButton text={activityArn} label="Copy ARN" small={false} />
            <Button kind="quiet" icon="trash" onClick={() => setDeleting(true)}>Delete</Button>
            <Link className="button" to={waitingOf(activityArn)}>Waiting tasks</Link>
          </div>
        )}
      </div>
      {isPending && <Loading what="Loading the activity" />}
      {isMissing && <Empty title="There is no such activity" action={<Link className="button" to="activities">All activities</Link>}><span className="name mono">{activityArn}</span></Empty>}
      {error && !data && !isMissing && <ErrorNotice error={error} retry={() => void refetch()} what="The activity cannot be shown" />}
      {activity && <><h2>Tags</h2><TagsTab resourceArn={activityArn} /></>}
      {deleting && activity && <DeleteDialog activity={activity} onClose={() => setDeleting(false)} onDone={() => isHere() && navigate("activities")} />}
    </>
  );
}

function CreateDialog({ names, onClose }: { names: string[]; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  // The API answers with the one that there is.
  const wrong = names.includes(name) ? "There is an activity of this name." : wrongName(name);
  const create = async () => {
    if (busy || name === "" || wrong) return;
    setBusy(true);
    try {
      await call("CreateActivity", { name });
      toast(`${name} is created`);
      await client.invalidateQueries({ queryKey: ["activities"] });
      onClose();
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Create activity" onClose={onClose} onSubmit={() => void create()} footer={<><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" disabled={busy || name === "" || Boolean(wrong)}>Create</Button></>}>
      <div className="field">
        <label htmlFor="activity-name">Name</label>
        <input id="activity-name" className="input" autoFocus autoComplete="off" maxLength={80} value={name} aria-invalid={Boolean(wrong)} onChange={(event) => setName(event.target.value)} />
        {wrong && <span className="wrong">{wrong}</span>}
      </div>
      {error !== undefined && <ErrorNotice error={error} what="It was not created" />}
    </Dialog>
  );
}

function DeleteDialog({ activity: { activityArn, name }, onClose, onDone }: { activity: Activity; onClose: () => void; onDone: () => void }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const remove = async () => {
    setBusy(true);
    try {
      await call("DeleteActivity", { activityArn });
      toast(`${name} is deleted`);
      await client.invalidateQueries({ queryKey: ["activities"] });
      onDone();
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[1] === activityArn });
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Delete activity" onClose={onClose} onSubmit={() => void remove()} footer={<><Button onClick={onClose}>Keep it</Button><Button kind="danger" type="submit" disabled={busy}>Delete</Button></>}>
      <p>Executions that reach <bdi className="name"><strong>{name}</strong></bdi> fail from then on. Tasks that wait already go on waiting, but no worker can take them.</p>
      {error !== undefined && <ErrorNotice error={error} what="It was not deleted" />}
    </Dialog>
  );
}
