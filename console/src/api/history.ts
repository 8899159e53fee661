/**
 * One execution and its history: followed while it grows, with payloads only where somebody looks.
 *
 * The events come without payloads, for a history may have a hundred thousand of them; what a step was
 * given and gave is asked for in pages around the events in question.
 */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { Run, type RunView } from "../model/run";
import { isExpress, machineArnOf } from "./arn";
import { call } from "./client";
import { ApiError } from "./errors";
import { awaitUntil, definitionOfExpress, type DefinitionOfExpress } from "./express";
import { queries } from "./queries";
import { follow } from "./stream";
import type { Execution, ExecutionStatus, HistoryEvent, LiveExecution } from "./types";

/** The most events that a page of a history may have. */
const PAGE_EVENTS = 1_000;
/** How often an execution is asked for that is not there yet. */
const LOOK_AGAIN_MS = 1_000;
/** How many events' payloads are asked for at once: they may be large. */
const DATA_PAGE_EVENTS = 25;

/** The definition that an execution runs, whatever its machine has become since. */
export type DefinitionOfExecution = DefinitionOfExpress;

export interface ExecutionParent {
  parentExecutionArn?: string;
  parentStateName?: string;
}

/** What is known of an execution. `run` is changed in place; its `version` tells that it was. */
export interface FollowedExecution {
  run: RunView;
  /** As the stream tells it: newer than `details`. */
  status?: ExecutionStatus;
  /** Whether all events that there were at first are here. */
  isWhole: boolean;
  /** Whether what happens now is heard of. */
  isLive: boolean;
  /** With input, output, error and cause. */
  details?: Execution;
  definition?: DefinitionOfExecution;
  definitionError?: unknown;
  parent?: ExecutionParent;
  /** There is no such execution, or not yet. */
  isMissing: boolean;
  /** Until when one that is missing may still come, in milliseconds. */
  awaitedUntil: number;
  /** The execution cannot be shown at all. */
  error?: unknown;
  retry: () => void;
}

interface Seen {
  version: number;
  live?: LiveExecution;
  isWhole: boolean;
  isLive: boolean;
  error?: unknown;
}

/** While what has happened before comes in, drawing all of it again for each page would only delay the next. */
const CATCH_UP_MS = 150;

/** Reads one history and tells of it, at most once for each frame of the screen. */
class Reader {
  readonly run = new Run();
  private seen: Seen = { version: 0, isWhole: false, isLive: false };
  private next: Seen = this.seen;
  private frame: number | undefined;
  private pause: ReturnType<typeof setTimeout> | undefined;
  private toldAt = -Infinity;
  private readonly listeners = new Set<() => void>();

  readonly snapshot = (): Seen => this.seen;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  add(events: readonly HistoryEvent[]): void {
    this.run.append(events);
    this.tell({ version: this.run.version, isWhole: this.isWhole(this.next.live) });
  }

  describe(live: LiveExecution): void {
    this.tell({ live, isWhole: this.isWhole(live) });
  }

  tell(change: Partial<Seen>): void {
    this.next = { ...this.next, ...change };
    const early = this.isCatchingUp() ? this.toldAt + CATCH_UP_MS - performance.now() : 0;
    if (early > 0) this.pause ??= setTimeout(this.draw, early);
    else this.draw();
  }

  private readonly draw = (): void => {
    clearTimeout(this.pause);
    this.pause = undefined;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.toldAt = performance.now();
      this.seen = this.next;
      this.listeners.forEach((listener) => listener());
    });
  };

  private isCatchingUp(): boolean {
    const { live, isWhole } = this.next;
    return live !== undefined && !isWhole && this.seen.version > 0;
  }

  stop(): void {
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.frame = undefined;
    clearTimeout(this.pause);
    this.pause = undefined;
  }

  private isWhole(live: LiveExecution | undefined): boolean {
    return live !== undefined && this.lastEventId() >= live.lastEventId;
  }

  lastEventId(): number {
    return this.run.events.at(-1)?.id ?? 0;
  }
}

/** Follows a Standard execution, reads the history of an Express one. */
export function useExecution(executionArn: string): FollowedExecution {
  const [attempt, setAttempt] = useState(0);
  const express = isExpress(executionArn);
  const awaitedUntil = useMemo(() => (express ? awaitUntil(executionArn) : 0), [executionArn, express]);
  // A new attempt reads from the beginning.
  const reader = useMemo(() => new Reader(), [executionArn, attempt]);
  const seen = useSyncExternalStore(reader.subscribe, reader.snapshot);

  const { live } = seen;
  const described = useQuery({
    queryKey: ["execution", executionArn, live?.status ?? "", live?.redriveCount ?? 0],
    queryFn: ({ signal }) => (express ? describeExpress(executionArn, signal) : call<Execution>("DescribeExecution", { executionArn }, signal)),
    placeholderData: keepPreviousData,
    staleTime: ({ state }) => (express && state.data ? Infinity : 5_000),
    refetchInterval: ({ state }) => (state.data === null && Date.now() < awaitedUntil ? LOOK_AGAIN_MS : false),
  });
  const details = described.data ?? undefined;
  const isThere = !express || details !== undefined;
  useEffect(() => {
    if (!isThere) return;
    const stop = express ? readExpress(reader, executionArn) : followStandard(reader, executionArn);
    return () => {
      stop();
      reader.stop();
    };
  }, [reader, executionArn, express, isThere]);
  const definition = useQuery({
    queryKey: ["definition", executionArn],
    queryFn: ({ signal }) =>
      express
        ? definitionOfExpress(machineArnOf(executionArn), details?.startDate ?? 0, reader.run, signal)
        : call<DefinitionOfExecution>("DescribeStateMachineForExecution", { executionArn }, signal),
    staleTime: Infinity,
    // Where the history cannot be read, the definition can.
    enabled: !express || seen.isWhole || seen.error !== undefined,
  });
  const parent = useQuery({
    queryKey: ["parent", executionArn],
    queryFn: ({ signal }) => call<ExecutionParent>("Stepwell.DescribeExecutionParent", { executionArn }, signal),
    staleTime: Infinity,
    retry: false,
    enabled: !express,
  });
  const error = seen.error ?? (details ? undefined : (described.error ?? undefined));
  return {
    run: reader.run,
    status: live?.status ?? details?.status,
    isWhole: seen.isWhole,
    isLive: seen.isLive,
    details: details && live ? { ...details, ...pick(live) } : details,
    definition: definition.data,
    definitionError: definition.error ?? undefined,
    parent: parent.data,
    isMissing: described.data === null || (error instanceof ApiError && error.isMissing),
    awaitedUntil,
    error,
    retry: () => {
      void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] === executionArn });
      setAttempt((count) => count + 1);
    },
  };
}

/** Null for one that is not there yet: an answer, after which it is asked for again. */
async function describeExpress(executionArn: string, signal: AbortSignal): Promise<Execution | null> {
  try {
    return await call<Execution>("Stepwell.DescribeExpressExecution", { executionArn }, signal);
  } catch (error) {
    if (error instanceof ApiError && error.isMissing) return null;
    throw error;
  }
}

function pick({ status, stopDate, redriveCount }: LiveExecution): Partial<Execution> {
  return { status, stopDate, redriveCount };
}

function followStandard(reader: Reader, executionArn: string): () => void {
  return follow({
    executionArn,
    onConnected: (isLive) => reader.tell({ isLive }),
    onMessage: ({ event, data }) => {
      if (event === "execution") reader.describe(JSON.parse(data) as LiveExecution);
      if (event === "history") reader.add((JSON.parse(data) as { events: HistoryEvent[] }).events);
    },
    onRefused: (error) => reader.tell({ error }),
  });
}

/** An Express execution is kept when it has ended, so it is read once. */
function readExpress(reader: Reader, executionArn: string): () => void {
  const ended = new AbortController();
  const read = async () => {
    let nextToken: string | undefined;
    do {
      const request = { executionArn, maxResults: PAGE_EVENTS, includeExecutionData: false, ...(nextToken ? { nextToken } : {}) };
      const page = await call<{ events: HistoryEvent[]; nextToken?: string }>("Stepwell.GetExpressExecutionHistory", request, ended.signal);
      reader.add(page.events);
      nextToken = page.nextToken;
    } while (nextToken);
    reader.tell({ isWhole: true });
  };
  read().catch((error: unknown) => {
    if (!ended.signal.aborted) reader.tell({ error });
  });
  return () => ended.abort();
}

/** Events with their payloads, by id; those that are not here yet are missing. */
export interface EventData {
  events: ReadonlyMap<number, HistoryEvent>;
  isLoading: boolean;
  error?: unknown;
}

interface DataPage {
  events: HistoryEvent[];
  lastEventId: number;
}

/**
 * The events of these ids with their payloads. `lastEventId` is the last event that there is known to be:
 * a page before it will not change any more.
 */
export function useEventData(executionArn: string, ids: readonly number[], lastEventId: number): EventData {
  const newest = new Map<number, number>();
  for (const id of ids) {
    const page = Math.floor((id - 1) / DATA_PAGE_EVENTS);
    newest.set(page, Math.max(newest.get(page) ?? 0, id));
  }
  return useQueries({
    queries: [...newest].map(([page, id]) => {
      const isFull = (page + 1) * DATA_PAGE_EVENTS <= lastEventId;
      return {
        queryKey: ["event-data", executionArn, page, isFull ? "full" : id],
        queryFn: ({ signal }: { signal: AbortSignal }) => readEvents(executionArn, page * DATA_PAGE_EVENTS + 1, DATA_PAGE_EVENTS, signal),
        staleTime: Infinity,
        gcTime: 60_000,
      };
    }),
    combine: (results) => ({
      events: new Map(results.flatMap((result) => result.data?.events ?? []).map((event) => [event.id, event])),
      isLoading: results.some((result) => result.isLoading),
      error: results.find((result) => result.error)?.error ?? undefined,
    }),
  });
}

/** Events from an id on, with their payloads. */
export async function readEvents(executionArn: string, firstEventId: number, maxResults: number, signal?: AbortSignal): Promise<DataPage> {
  return call<DataPage>("Stepwell.GetHistoryEvents", { executionArn, firstEventId, maxResults }, signal);
}
