/**
 * The executions of a machine, page by page and kept fresh.
 *
 * Whatever changes in a list stands at its head, for the server lists by what happened last. So when a
 * machine's executions change, only the head is asked for again, however many pages have been loaded.
 */

import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { call } from "../../api/client";
import type { ExecutionStatus, ExecutionSummary, Machine } from "../../api/types";
import { merge } from "./merge";

/** How many executions a page of the list has. */
const PAGE = 200;

interface Page {
  executions: ExecutionSummary[];
  nextToken?: string;
}

export interface ExecutionList {
  /** The one that started last comes first. */
  executions: ExecutionSummary[];
  isPending: boolean;
  error: unknown;
  hasMore: boolean;
  isLoadingMore: boolean;
  loadMore: () => void;
  refetch: () => void;
}

export function useExecutionList(machine: Machine, status: ExecutionStatus | "", qualifier: string): ExecutionList {
  const isExpress = machine.type === "EXPRESS";
  const operation = isExpress ? "Stepwell.ListExpressExecutions" : "ListExecutions";
  const stateMachineArn = !isExpress && qualifier ? `${machine.stateMachineArn}:${qualifier}` : machine.stateMachineArn;
  const request = { stateMachineArn, maxResults: PAGE, ...(status ? { statusFilter: status } : {}) };
  const key = [status, qualifier];
  const head = useQuery({
    queryKey: ["executions", machine.stateMachineArn, ...key],
    queryFn: ({ signal }) => call<Page>(operation, request, signal),
    placeholderData: keepPreviousData,
  });
  // Begins behind the head, as it was when older pages were asked for; what has moved up since is in the head.
  const first = useRef<{ for: string; head: Page; token?: string }>(undefined);
  // What was in a head since then, and may have been pushed out of it, between the head and the older pages.
  const passed = useRef(new Map<string, ExecutionSummary>());
  const question = JSON.stringify([machine.stateMachineArn, ...key]);
  const client = useQueryClient();
  const asked = client.getQueryState(["older-executions", machine.stateMachineArn, ...key]);
  // As long as nobody asks for them, they will begin behind the head as it is.
  const isFree = asked?.data === undefined && asked?.fetchStatus !== "fetching";
  if (head.data && !head.isPlaceholderData && (isFree || first.current?.for !== question) && first.current?.head !== head.data) {
    first.current = { for: question, head: head.data, token: head.data.nextToken };
    passed.current.clear();
  }
  const older = useInfiniteQuery({
    queryKey: ["older-executions", machine.stateMachineArn, ...key],
    queryFn: ({ signal, pageParam }) => call<Page>(operation, { ...request, nextToken: pageParam }, signal),
    initialPageParam: first.current?.token as string | undefined,
    getNextPageParam: (page) => page.nextToken,
    enabled: false,
    staleTime: Infinity,
    gcTime: 0,
  });

  const known = useRef<{ head: Page; arns: Set<string> }>(undefined);
  const hasOlder = older.data !== undefined;
  const { refetch: refetchOlder } = older;
  useEffect(() => {
    if (!head.data || head.isPlaceholderData || head.data === known.current?.head) return;
    const arns = new Set(head.data.executions.map((each) => each.executionArn));
    const before = known.current;
    known.current = { head: head.data, arns };
    const olderKey = ["older-executions", machine.stateMachineArn, status, qualifier];
    if (before && hasOlder && head.data.nextToken && ![...arns].some((arn) => before.arns.has(arn))) {
      // More has changed than a head holds, so there may be a gap before the older pages: begin anew.
      first.current = { for: question, head: head.data, token: head.data.nextToken };
      passed.current.clear();
      void client.resetQueries({ queryKey: olderKey, exact: true });
    } else if (before && hasOlder && status === "RUNNING") {
      // One that has ended is in the list no more, so the head does not tell of it.
      const token = head.data.nextToken;
      if (token !== undefined) client.setQueryData<InfiniteData<Page>>(olderKey, (data) => data && { ...data, pageParams: [token, ...data.pageParams.slice(1)] });
      void refetchOlder();
    }
    if (status === "RUNNING") return;
    for (const execution of head.data.executions) passed.current.set(execution.executionArn, execution);
  }, [head.data, head.isPlaceholderData, hasOlder, question, client, machine.stateMachineArn, status, qualifier, refetchOlder]);

  const executions = useMemo(() => merge(head.data?.executions ?? [], [[...passed.current.values()], ...(older.data?.pages.map((page) => page.executions) ?? [])]), [head.data, older.data]);
  const hasMore = older.data ? older.hasNextPage : Boolean(first.current?.token);
  return {
    executions,
    isPending: head.isPending,
    error: head.error ?? older.error,
    hasMore,
    isLoadingMore: older.isFetching,
    loadMore: () => {
      // What was refused would be refused again: somebody has to ask for it.
      if (older.isFetching || older.isError || !hasMore) return;
      void (older.data ? older.fetchNextPage() : older.refetch());
    },
    refetch: () => {
      void head.refetch();
      if (older.isError) void (older.data ? older.fetchNextPage() : older.refetch());
    },
  };
}
