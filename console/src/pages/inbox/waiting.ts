/**
 * All tasks that wait, page after page.
 *
 * The server looks through executions that are open, so a page may be empty though there is more behind
 * it: we go on by ourselves, and show what was found so far.
 */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { placeKey } from "../../api/queries";
import type { WaitingTask } from "../../api/types";

const PAGE = 100;
/** After so many we stop, until somebody wants more. */
const STEP = 500;
/** Deadlines pass and workers take tasks without anything starting or ending. */
const REFRESH_MS = 5_000;

export interface Waiting {
  tasks: WaitingTask[] | undefined;
  /** There are more than were asked for. */
  hasMore: boolean;
  /** How many pages were looked at so far, while the first look goes on. */
  pages: number | undefined;
  error: unknown;
  loadMore: () => void;
  refetch: () => void;
}

interface Found {
  tasks: WaitingTask[];
  hasMore: boolean;
  pages: number;
  isWhole: boolean;
}

export function useWaiting(stateMachineArn: string): Waiting {
  const client = useQueryClient();
  const [wanted, setWanted] = useState(STEP);
  const key = ["waiting", placeKey(), stateMachineArn, wanted];
  const found = useQuery<Found>({
    queryKey: key,
    refetchInterval: REFRESH_MS,
    placeholderData: (before, query) => (query?.queryKey[2] === stateMachineArn ? before : undefined),
    queryFn: async ({ signal }) => {
      const tasks: WaitingTask[] = [];
      let nextToken: string | undefined;
      let pages = 0;
      do {
        const request = { maxResults: PAGE, ...(stateMachineArn ? { stateMachineArn } : {}), ...(nextToken ? { nextToken } : {}) };
        const page = await call<{ tasks: WaitingTask[]; nextToken?: string }>("Stepwell.ListWaitingTasks", request, signal);
        tasks.push(...page.tasks);
        nextToken = page.nextToken;
        pages += 1;
        // The first look is shown as it goes; later ones replace it when they are whole.
        if (nextToken && !client.getQueryData<Found>(key)?.isWhole) client.setQueryData<Found>(key, { tasks: [...tasks], hasMore: false, pages, isWhole: false });
      } while (nextToken && tasks.length < wanted);
      return { tasks, hasMore: Boolean(nextToken), pages, isWhole: true };
    },
  });
  return {
    tasks: found.data?.tasks,
    hasMore: found.data?.hasMore ?? false,
    pages: found.data && !found.data.isWhole ? found.data.pages : undefined,
    error: found.error,
    loadMore: () => setWanted(wanted + STEP),
    refetch: () => void found.refetch(),
  };
}
