/** The list of state machines, with how their executions do. */

import { useDeferredValue, useMemo } from "react";
import { useMachineCounts, useMachines } from "../api/queries";
import { currentPlace } from "../api/session";
import type { MachineCounts, MachineSummary } from "../api/types";
import { Link, path, useQuery, useSetQuery } from "../router";
import { Empty, ErrorNotice, Loading } from "../ui/parts";
import { Ago, ShortMoment } from "../ui/time";
import { FirstVisit } from "./dashboard/first-visit";
import { VirtualTable, type Column } from "./machine/virtual-table";
import "./machine/machine.css";

type Counted = MachineSummary & { counts?: MachineCounts };
type Sortable = "name" | "type" | "running" | "succeeded" | "failed" | "timedOut" | "aborted" | "lastStartDate" | "creationDate";

/** What the address filters and sorts by; `-` before a column sorts from the greatest. */
function arrange(machines: MachineSummary[], counts: Map<string, MachineCounts>, words: string, type: string, sort: string): Counted[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const rows: Counted[] = machines
    .filter((machine) => (!type || machine.type === type) && wanted.every((word) => machine.name.toLowerCase().includes(word)))
    .map((machine) => ({ ...machine, counts: counts.get(machine.stateMachineArn) }));
  const descending = sort.startsWith("-");
  const by = (descending ? sort.slice(1) : sort) as Sortable;
  const value = (row: Counted): string | number => {
    switch (by) {
      case "name": case "type": case "creationDate": return row[by];
      default: return row.counts?.[by] ?? -1;
    }
  };
  rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    const order = typeof x === "string" && typeof y === "string" ? x.localeCompare(y) : Number(x) - Number(y);
    return (descending ? -order : order) || a.name.localeCompare(b.name);
  });
  return rows;
}

export function MachinesPage() {
  const machines = useMachines();
  const counts = useMachineCounts();
  const [words, setWords] = useQuery("q");
  const [type, setType] = useQuery("type");
  const [sort, setSort] = useQuery("sort");
  const setAll = useSetQuery();
  const by = sort || "name";
  const deferred = useDeferredValue(words);
  const countsOf = useMemo(() => new Map(counts.data?.counts.map((each) => [each.stateMachineArn, each])), [counts.data]);
  const rows = useMemo(() => arrange(machines.data ?? [], countsOf, deferred, type, by), [machines.data, countsOf, deferred, type, by]);

  const sorted = (id: Sortable, first: "ascending" | "descending" = "ascending"): Pick<Column<Counted>, "onSort" | "sorted"> => {
    const [up, down] = [id, `-${id}`];
    const start = first === "ascending" ? up : down;
    return {
      sorted: by === up ? "ascending" : by === down ? "descending" : undefined,
      onSort: () => setSort(by === start ? (start === up ? down : up) : start),
    };
  };
  const count = (id: "running" | "succeeded" | "failed" | "timedOut" | "aborted", label: string, status: string, width: string, from: "medium" | "wide" = "medium"): Column<Counted> => ({
    id, label, width, number: true, from, ...sorted(id, "descending"),
    cell: (row) => <Count value={row.counts?.[id]} label={label} tone={id} to={row.type === "STANDARD" || id !== "running" ? `${path("machines", row.stateMachineArn)}?status=${status}` : undefined} />,
  });
  const columns: Column<Counted>[] = [
    {
      id: "name", label: "Name", width: "minmax(0, 1fr)", ...sorted("name"),
      cell: (row) => <Link className="name-link" to={path("machines", row.stateMachineArn)} title={row.name}><bdi>{row.name}</bdi></Link>,
      below: (row) => <Below row={row} />,
    },
    { id: "type", label: "Type", width: "68px", from: "medium", ...sorted("type"), cell: (row) => <span className="muted">{row.type === "EXPRESS" ? "Express" : "Standard"}</span> },
    count("running", "Running", "RUNNING", "72px"),
    count("succeeded", "Succeeded", "SUCCEEDED", "100px"),
    count("failed", "Failed", "FAILED", "72px"),
    count("timedOut", "Timed out", "TIMED_OUT", "95px", "wide"),
    count("aborted", "Aborted", "ABORTED", "72px", "wide"),
    { id: "lastStartDate", label: "Last start", width: "112px", from: "medium", ...sorted("lastStartDate", "descending"), cell: (row) => (row.counts?.lastStartDate ? <Ago seconds={row.counts.lastStartDate} /> : <span className="muted">–</span>) },
    { id: "creationDate", label: "Created", width: "136px", from: "widest", ...sorted("creationDate", "descending"), cell: (row) => <ShortMoment seconds={row.creationDate} /> },
  ];

  return (
    <>
      <div className="page-head">
        <div>
          <h1>State machines</h1>
          {machines.data?.length !== 0 && (
            <p className="muted small">
              {machines.data && `${machines.data.length} in ${currentPlace().region}. `}
              {counts.data ? "Executions that ended are counted for 24 hours." : counts.error ? "Executions cannot be counted now." : null}
            </p>
          )}
        </div>
        {machines.data?.length !== 0 && <div className="actions"><Link className="button primary" to="machines/new">Create state machine</Link></div>}
      </div>
      {machines.error && !machines.data && <ErrorNotice error={machines.error} retry={() => void machines.refetch()} what="The state machines cannot be listed" />}
      {machines.data?.length === 0 && <FirstVisit />}
      {/* Also while the list is on its way: what somebody types meanwhile is not lost. */}
      {(machines.isPending || !!machines.data?.length) && (
        <div className="filters">
          <input className="input" type="search" data-search placeholder="Search by name" aria-label="Search by name" value={words} onChange={(event) => setWords(event.target.value)} />
          <select className="input" aria-label="Type" value={type} onChange={(event) => setType(event.target.value)}>
            <option value="">All types</option>
            <option value="STANDARD">Standard</option>
            <option value="EXPRESS">Express</option>
          </select>
          {machines.data && (words || type) && <span className="muted small" role="status">{rows.length} found</span>}
        </div>
      )}
      {machines.isPending ? <Loading what="Loading state machines" /> : !!machines.data?.length && (
        rows.length > 0 ? (
          <VirtualTable label="State machines" columns={columns} rows={rows} keyOf={(row) => row.stateMachineArn} />
        ) : (
          <div className="card"><Empty title="No state machine matches these filters" action={<button type="button" className="button" onClick={() => setAll({ q: "", type: "" })}>Show all</button>} /></div>
        )
      )}
    </>
  );
}

const COUNTED = [["running", "running"], ["failed", "failed"], ["timedOut", "timed out"], ["aborted", "aborted"], ["succeeded", "succeeded"]] as const;

/** What a phone has no columns for. */
function Below({ row }: { row: Counted }) {
  return (
    <>
      {row.counts?.lastStartDate ? <Ago seconds={row.counts.lastStartDate} /> : <span>{row.type === "EXPRESS" ? "Express" : "Standard"}</span>}
      {COUNTED.map(([id, text]) => !!row.counts?.[id] && <span key={id} style={{ color: `var(--${id.toLowerCase()})`, fontWeight: 600 }}>{row.counts[id].toLocaleString()} {text}</span>)}
    </>
  );
}

function Count({ value, label, tone, to }: { value?: number; label: string; tone: string; to?: string }) {
  if (value === undefined) return <span className="muted">–</span>;
  if (value === 0) return <span className="muted">0</span>;
  const text = value.toLocaleString();
  const style = { color: `var(--${tone.toLowerCase()})`, fontWeight: 600 };
  return to ? <Link to={to} style={style} aria-label={`${text} ${label.toLowerCase()}`}>{text}</Link> : <span style={style}>{text}</span>;
}
