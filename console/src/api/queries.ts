/** Questions that several pages ask. Keys begin with what changes them: `["machine", arn, ...]`. */

import { QueryClient, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { call } from "./client";
import { ApiError } from "./errors";
import { currentPlace, currentSession, onSessionChange } from "./session";
import type { Machine, MachineCounts, MachineSummary } from "./types";

/** A page that comes back shows what it had, and asks again. What the server refuses is not asked twice. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => count < 3 && (!(error instanceof ApiError) || error.isServerGone || error.status >= 500),
      refetchOnWindowFocus: true,
    },
  },
});

let user = currentSession().user;

// What somebody was shown is not for whoever comes next. Before their page asks anything: those who ask
// would not hear of an answer that was dropped.
onSessionChange(() => {
  if (currentSession().user === user) return;
  user = currentSession().user;
  queries.clear();
});

/** All pages of a list, at most `max` items. */
export async function listAll<Item>(operation: string, request: object, member: string, max = 10_000, signal?: AbortSignal): Promise<Item[]> {
  const items: Item[] = [];
  let nextToken: string | undefined;
  do {
    const answer: Record<string, unknown> = await call(operation, { ...request, ...(nextToken ? { nextToken } : {}) }, signal);
    items.push(...((answer[member] as Item[]) ?? []));
    nextToken = answer.nextToken as string | undefined;
  } while (nextToken && items.length < max);
  return items;
}

/** Account and region as part of a key: what is asked there is not asked here. */
export function placeKey(): string {
  const { account, region } = currentPlace();
  return `${account}/${region}`;
}

export function useMachines(): UseQueryResult<MachineSummary[]> {
  return useQuery({
    queryKey: ["machines", placeKey()],
    queryFn: ({ signal }) => listAll<MachineSummary>("ListStateMachines", { maxResults: 1000 }, "stateMachines", 100_000, signal),
  });
}

export function useMachine(stateMachineArn: string): UseQueryResult<Machine> {
  return useQuery({
    queryKey: ["machine", stateMachineArn],
    queryFn: ({ signal }) => call<Machine>("DescribeStateMachine", { stateMachineArn }, signal),
  });
}

export function useMachineCounts(): UseQueryResult<{ since: number; counts: MachineCounts[] }> {
  return useQuery({
    queryKey: ["counts", placeKey()],
    queryFn: ({ signal }) => call<{ since: number; counts: MachineCounts[] }>("Stepwell.GetStateMachineCounts", {}, signal),
  });
}
