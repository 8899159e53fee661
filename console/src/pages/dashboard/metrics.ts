/** What the dashboard asks the server. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { call } from "../../api/client";
import { placeKey } from "../../api/queries";
import type { Metrics, MetricPoint, RecentFailure } from "../../api/types";
import { spanOf, wholeOf, type Period } from "./periods";

/** What the stream does not tell, such as that time passes, is asked for this often. */
const REFRESH_MS = 30_000;
/** How many failures are looked at: the most that the server tells. */
export const FAILURES_MAX = 200;

/** The points of a period, and how long executions took in all of it: percentiles of parts cannot be added. */
export interface MetricsOfPeriod {
  metrics: Metrics;
  executionTime?: MetricPoint["executionTime"];
}

export function useMetrics(period: Period): UseQueryResult<MetricsOfPeriod> {
  return useQuery({
    queryKey: ["metrics", placeKey(), period.id],
    refetchInterval: REFRESH_MS,
    queryFn: async ({ signal }) => {
      const span = spanOf(period, Date.now());
      const ask = (request: object) => call<Metrics>("Stepwell.GetExecutionMetrics", request, signal);
      const [metrics, whole] = await Promise.all([ask({ ...span, periodSeconds: period.pointSeconds }), ask(wholeOf(span))]);
      return { metrics, executionTime: whole.points.at(0)?.executionTime };
    },
  });
}

export function useFailures(): UseQueryResult<RecentFailure[]> {
  return useQuery({
    queryKey: ["failures", placeKey()],
    refetchInterval: REFRESH_MS,
    queryFn: async ({ signal }) => (await call<{ failures: RecentFailure[] }>("Stepwell.ListRecentFailures", { maxResults: FAILURES_MAX }, signal)).failures,
  });
}
