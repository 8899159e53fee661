/** The executions of a state machine: found by status, name, time and version, and stopped or redriven together. */

import { useQuery as useAsked } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { call } from "../../api/client";
import { ApiError } from "../../api/errors";
import { listAll } from "../../api/queries";
import type { Execution, ExecutionStatus, ExecutionSummary, Machine } from "../../api/types";
import { Link, path, useQuery, useRouter, useSetQuery } from "../../router";
import { useIsNarrow } from "../../ui/narrow";
import { Button, Empty, ErrorNotice, Loading, Notice } from "../../ui/parts";
import { ExecutionBadge } from "../../ui/status";
import { Elapsed, ShortMoment } from "../../ui/time";
import { BulkDialog, type BulkAction } from "./bulk";
import { matches } from "./filter";
import { useExecutionList } from "./list";
import { VirtualTable, type Column } from "./virtual-table";

const STATUSES: [ExecutionStatus, string][] = [["RUNNING", "Running"], ["SUCCEEDED", "Succeeded"], ["FAILED", "Failed"], ["TIMED_OUT", "Timed out"], ["ABORTED", "Aborted"]];
/** So many executions are looked through for a filter before somebody says to go on. */
const LOOKED_THROUGH = 5_000;

const REDRIVABLE: ExecutionStatus[] = ["FAILED", "TIMED_OUT", "ABORTED"];

export function ExecutionsTab({ machine, qualifier }: { machine: Machine; qualifier?: string }) {
  const isExpress = machine.type === "EXPRESS";
  const [statusText, setStatus] = useQuery("status");
  const [words, setWords] = useQuery("q");
  const [from, setFrom] = useQuery("from");
  const [to, setTo] = useQuery("to");
  const [viaText, setVia] = useQuery("via");
  const setAll = useSetQuery();
  const status = STATUSES.some(([each]) => each === statusText) ? (statusText as ExecutionStatus) : "";
  const via = viaText || qualifier || "";
  const list = useExecutionList(machine, status, via);
  const ways = useWays(machine, !isExpress);
  const exact = useExact(machine, words.trim(), !isExpress);

  const fromSeconds = from ? Date.parse(from) / 1_000 : undefined;
  const toSeconds = to ? Date.parse(to) / 1_000 : undefined;
  const rows = useMemo(() => {
    // Express executions do not tell by what they were started.
    const filter = { words, status, via: isExpress ? "" : via, from: fromSeconds, to: toSeconds };
    const found = list.executions.filter((each) => matches(each, filter));
    // One that has exactly this name is told at once, however far down in the list it is.
    return exact && matches(exact, filter) && !found.some((each) => each.executionArn === exact.executionArn) ? [exact, ...found] : found;
  }, [list.executions, isExpress, words, status, via, fromSeconds, toSeconds, exact]);

  const { navigate } = useRouter();
  // The address names a version or an alias itself: all of them are at that of the machine.
  const choose = (way: string) => (way === "" && qualifier ? navigate(path("machines", machine.stateMachineArn)) : setVia(way));

  // A phone shows executions first.
  const isNarrow = useIsNarrow(720);
  const [isOpen, setOpen] = useState(false);
  const filters = [status, via, from, to].filter(Boolean).length;
  const isFiltered = Boolean(words.trim() || from || to);
  const oldest = list.executions.at(-1);
  // Behind this point all happened before the time that is asked for.
  const isPast = Boolean(fromSeconds && oldest && (oldest.stopDate ?? oldest.startDate) < fromSeconds);
  const [limit, setLimit] = useState(LOOKED_THROUGH);
  useEffect(() => setLimit(LOOKED_THROUGH), [words, from, to, status, via]);
  const isTired = isFiltered && list.executions.length >= limit;
  const { loadMore, hasMore } = list;
  const canLoad = hasMore && !isPast && !isTired;
  const isCut = hasMore && !isPast && isTired;
  const lookFurther = () => setLimit(list.executions.length + LOOKED_THROUGH);
  const onNearEnd = useCallback(() => {
    if (canLoad) loadMore();
  }, [canLoad, loadMore]);

  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<BulkAction>();
  const chosen = rows.filter((each) => selected.has(each.executionArn));
  const toStop = chosen.filter((each) => each.status === "RUNNING");
  const toRedrive = chosen.filter((each) => REDRIVABLE.includes(each.status));
  const toggle = (arn: string) => setSelected((before) => {
    const next = new Set(before);
    if (!next.delete(arn)) next.add(arn);
    return next;
  });
  const allChosen = rows.length > 0 && chosen.length === rows.length;

  const columns: Column<ExecutionSummary>[] = [
    ...(isExpress ? [] : [{
      id: "select", width: "18px",
      label: <input type="checkbox" aria-label={`Select all ${rows.length} that are listed`} checked={allChosen} ref={(box) => { if (box) box.indeterminate = chosen.length > 0 && !allChosen; }} onChange={() => setSelected(allChosen ? new Set() : new Set(rows.map((each) => each.executionArn)))} />,
      cell: (row: ExecutionSummary) => <input type="checkbox" aria-label={`Select ${row.name}`} checked={selected.has(row.executionArn)} onChange={() => toggle(row.executionArn)} />,
    }]),
    {
      id: "name", label: "Name", width: "minmax(0, 1fr)",
      cell: (row) => <Link className="name-link" to={path("executions", row.executionArn)} title={row.name}><bdi>{row.name}</bdi></Link>,
      below: (row) => <><ExecutionBadge status={row.status} /><ShortMoment seconds={row.startDate} /><span><Elapsed from={row.startDate} to={row.stopDate} /></span></>,
    },
    { id: "status", label: "Status", width: "112px", from: "medium", cell: (row) => <ExecutionBadge status={row.status} /> },
    { id: "start", label: "Started", width: "136px", from: "medium", cell: (row) => <ShortMoment seconds={row.startDate} /> },
    { id: "duration", label: "Duration", width: "88px", number: true, from: "medium", cell: (row) => <Elapsed from={row.startDate} to={row.stopDate} /> },
    ...(isExpress ? [] : [
      { id: "via", label: "Version, alias", width: "140px", from: "wide" as const, cell: (row: ExecutionSummary) => <Via execution={row} /> },
      { id: "redrives", label: "Redrives", width: "64px", number: true, from: "wide" as const, cell: (row: ExecutionSummary) => (row.redriveCount ? row.redriveCount : <span className="muted">0</span>) },
    ]),
  ];

  return (
    <>
      {isExpress && (
        <Notice tone="plain" icon="help">Of Express executions only recent ones that have ended are kept.</Notice>
      )}
      <div className="filters">
        <input className="input" type="search" data-search placeholder="Name, or part of it" aria-label="Search by name" value={words} onChange={(event) => setWords(event.target.value)} />
        {isNarrow && <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>Filters{filters > 0 && ` (${filters})`}</Button>}
        {(isOpen || !isNarrow) && (
          <>
            <select className="input" aria-label="Status" value={status} onChange={(event) => setStatus(event.target.value)}>
              <option value="">All statuses</option>
              {STATUSES.filter(([id]) => !isExpress || id !== "RUNNING").map(([id, text]) => <option key={id} value={id}>{text}</option>)}
            </select>
            {!isExpress && (ways.length > 0 || via) && (
              <select className="input" aria-label="Version or alias" value={via} onChange={(event) => choose(event.target.value)}>
                <option value="">All versions</option>
                {[...new Set([...(via ? [via] : []), ...ways])].map((way) => <option key={way} value={way}>{/^\d+$/.test(way) ? `Version ${way}` : way}</option>)}
              </select>
            )}
            <label className="time-filter">From <input className="input" type="datetime-local" step="1" value={from} onChange={(event) => setFrom(event.target.value)} /></label>
            <label className="time-filter">to <input className="input" type="datetime-local" step="1" value={to} onChange={(event) => setTo(event.target.value)} /></label>
          </>
        )}
      </div>
      {chosen.length > 0 && (
        <div className="selection-bar" role="group" aria-label="Selected executions">
          <strong>{chosen.length} selected</strong>
          <Button small icon="stop" disabled={toStop.length === 0} onClick={() => setBulk({ kind: "stop", executions: toStop })}>Stop {toStop.length || ""}</Button>
          <Button small icon="retry" disabled={toRedrive.length === 0} onClick={() => setBulk({ kind: "redrive", executions: toRedrive })}>Redrive {toRedrive.length || ""}</Button>
          <Button small kind="quiet" onClick={() => setSelected(new Set())}>Clear</Button>
        </div>
      )}
      {list.error ? <ErrorNotice error={list.error} retry={list.refetch} what="The executions cannot be listed" /> : null}
      {list.isPending ? !list.error && <Loading what="Loading executions" /> : rows.length > 0 ? (
        <VirtualTable label="Executions" columns={columns} rows={rows} keyOf={(row) => row.executionArn} onNearEnd={onNearEnd} isSelected={(row) => selected.has(row.executionArn)} />
      ) : !list.error && (
        <div className="card">
          {isFiltered || status || via ? (
            <Looking canLoad={canLoad} load={onNearEnd} through={isCut ? list.executions.length : undefined} onFurther={lookFurther} onAll={() => setAll({ q: "", status: "", from: "", to: "", via: "" })} />
          ) : (
            <Empty title={isExpress ? "No execution has ended lately" : "It has not been started yet"} action={machine.status === "ACTIVE" && <Button kind="primary" icon="play" onClick={() => setAll({ start: "1" })}>Start execution</Button>} />
          )}
        </div>
      )}
      <div className="list-foot" role="status">
        {list.isLoadingMore ? <><span className="spinner" aria-hidden="true" /> Loading older executions…</>
          : isCut && rows.length > 0 ? <>{list.executions.length.toLocaleString()} executions looked through. <Button small onClick={lookFurther}>Look further</Button></>
          : rows.length > 20 && !canLoad ? `${rows.length.toLocaleString()} executions` : null}
      </div>
      {bulk && <BulkDialog action={bulk} onClose={() => { setBulk(undefined); setSelected(new Set()); list.refetch(); }} />}
    </>
  );
}

/** Nothing is found yet; there may be something further down. */
function Looking({ canLoad, load, through, onFurther, onAll }: { canLoad: boolean; load: () => void; through?: number; onFurther: () => void; onAll: () => void }) {
  useEffect(load, [load]);
  if (canLoad) return <Loading what="Looking through older executions" />;
  const all = <Button onClick={onAll}>Show all</Button>;
  return through === undefined
    ? <Empty title="No execution matches these filters" action={all} />
    : <Empty title={`None of the latest ${through.toLocaleString()} executions matches these filters`} action={<div className="row"><Button onClick={onFurther}>Look further</Button>{all}</div>} />;
}

function Via({ execution }: { execution: ExecutionSummary }) {
  const last = (arn?: string) => arn?.split(":").at(-1);
  const alias = last(execution.stateMachineAliasArn);
  const version = last(execution.stateMachineVersionArn);
  if (!version) return <span className="muted">–</span>;
  return <bdi title={execution.stateMachineVersionArn}>{alias ? `${alias} → ${version}` : version}</bdi>;
}

/** The versions and aliases that executions may have been started by. */
function useWays(machine: Machine, enabled: boolean): string[] {
  const { stateMachineArn } = machine;
  const asked = useAsked({
    queryKey: ["machine", stateMachineArn, "ways"],
    enabled,
    queryFn: async ({ signal }) => {
      const aliases = await listAll<{ stateMachineAliasArn: string }>("ListStateMachineAliases", { stateMachineArn, maxResults: 1000 }, "stateMachineAliases", 1_000, signal);
      const versions = await listAll<{ stateMachineVersionArn: string }>("ListStateMachineVersions", { stateMachineArn, maxResults: 1000 }, "stateMachineVersions", 1_000, signal);
      return [...aliases.map((each) => each.stateMachineAliasArn), ...versions.map((each) => each.stateMachineVersionArn)].map((arn) => arn.split(":").at(-1) ?? "");
    },
  });
  return asked.data ?? [];
}

/** The execution that has exactly this name. */
function useExact(machine: Machine, name: string, enabled: boolean): ExecutionSummary | undefined {
  const executionArn = `${machine.stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
  const asked = useAsked({
    queryKey: ["executions", machine.stateMachineArn, "exact", name],
    enabled: enabled && name !== "" && name.length <= 80,
    retry: false,
    queryFn: async ({ signal }) => {
      try {
        return await call<Execution>("DescribeExecution", { executionArn, includedData: "METADATA_ONLY" }, signal);
      } catch (error) {
        if (error instanceof ApiError && !error.isServerGone) return null;
        throw error;
      }
    },
  });
  return asked.data ?? undefined;
}
