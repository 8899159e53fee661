/** What the dashboard asks the server. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { call } from "../../api/client";
import { placeKey } from "../../api/queries";
import type { Metrics, RecentFailure } from "../../api/types";
import { spanOf, type Period } from "./periods";

/** What the stream does not tell, such as that time passes, is asked for this often. */
const REFRESH_MS = 30_000;
/** How many failures are looked at: the most that the server tells. */
export const FAILURES_MAX = 200;

export function useMetrics(period: Period): UseQueryResult<Metrics> {
  return useQuery({
    queryKey: ["metrics", placeKey(), period.id],
    refetchInterval: REFRESH_MS,
    queryFn: ({ signal }) => call<Metrics>("Stepwell.GetExecutionMetrics", { ...spanOf(period, Date.now()), periodSeconds: period.pointSeconds }, signal),
  });
}

export function useFailures(): UseQueryResult<RecentFailure[]> {
  return useQuery({
    queryKey: ["failures", placeKey()],
    refetchInterval: REFRESH_MS,
    queryFn: async ({ signal }) => (await call<{ failures: RecentFailure[] }>("Stepwell.ListRecentFailures", { maxResults: FAILURES_MAX }, signal)).failures,
  });
}
