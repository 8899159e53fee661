/** The start page: how executions do over time, and why some failed. */

import { ApiError } from "../api/errors";
import { useMachineCounts, useMachines } from "../api/queries";
import type { MetricPoint, Metrics } from "../api/types";
import { useQuery } from "../router";
import { Icon } from "../ui/icons";
import { ErrorNotice, Loading } from "../ui/parts";
import { formatTaken } from "../ui/time";
import { Chart, type Series } from "./dashboard/chart";
import "./dashboard/dashboard.css";
import { Failures } from "./dashboard/failures";
import { FirstVisit } from "./dashboard/first-visit";
import { MachineCountsCard } from "./dashboard/machine-counts";
import { useFailures, useMetrics } from "./dashboard/metrics";
import { periodOf, PERIODS, spanOf, type Period } from "./dashboard/periods";
import { formatCount } from "./dashboard/scale";

export function DashboardPage() {
  const machines = useMachines();
  const [chosen, choose] = useQuery("period");
  const period = periodOf(chosen);
  const isFirst = machines.data?.length === 0;
  return (
    <>
      <div className="page-head">
        <h1>Dashboard</h1>
        {isFirst ? undefined : (
          <div className="switch" role="group" aria-label="Period">
            {PERIODS.map((each) => (
              <button key={each.id} type="button" aria-pressed={each === period} onClick={() => choose(each === PERIODS[0] ? "" : each.id)}>{each.text}</button>
            ))}
          </div>
        )}
      </div>
      {isFirst ? <FirstVisit /> : <Overview period={period} />}
    </>
  );
}

function Overview({ period }: { period: Period }) {
  const metrics = useMetrics(period);
  const failures = useFailures();
  const counts = useMachineCounts();
  // Who may see none of it is told so once.
  if ([metrics, failures, counts].every(({ data, error }) => !data && error instanceof ApiError && error.isDenied)) {
    return <ErrorNotice error={metrics.error} what="The dashboard cannot be shown" />;
  }
  return (
    <>
      {metrics.isPending && <Shape period={period} />}
      {metrics.error && !metrics.data && <ErrorNotice error={metrics.error} retry={() => void metrics.refetch()} what="The numbers over time cannot be shown" />}
      {metrics.data && <Figures metrics={metrics.data} />}
      {metrics.data && <Charts metrics={metrics.data} period={period} />}
      <div className="lower">
        {failures.isPending && <Loading />}
        {failures.error && !failures.data && <ErrorNotice error={failures.error} retry={() => void failures.refetch()} what="The recent failures cannot be shown" />}
        {failures.data && <Failures failures={failures.data} />}
        <MachineCountsCard />
      </div>
    </>
  );
}

/** The room that the numbers will take, so that nothing moves when they come. */
function Shape({ period }: { period: Period }) {
  const nothing = { executionsStarted: 0, executionsSucceeded: 0, executionsFailed: 0, executionsTimedOut: 0, executionsAborted: 0, executionsOpen: 0 };
  const { startTime, endTime } = spanOf(period, Date.now());
  const points = Array.from({ length: (endTime - startTime) / period.pointSeconds }, (_, index) => ({ timestamp: startTime + index * period.pointSeconds, ...nothing }));
  const metrics: Metrics = { periodSeconds: period.pointSeconds, points, openExecutions: 0 };
  return (
    <div className="shape stack">
      <Figures metrics={metrics} />
      <Charts metrics={metrics} period={period} />
      <Loading />
    </div>
  );
}

function Figures({ metrics }: { metrics: Metrics }) {
  const { executionTime } = metrics;
  const total = (of: (point: MetricPoint) => number) => metrics.points.reduce((sum, point) => sum + of(point), 0);
  const succeeded = total((point) => point.executionsSucceeded);
  const failed = total((point) => point.executionsFailed + point.executionsTimedOut);
  const ended = succeeded + failed;
  const rate = ended === 0 ? "–" : `${Math.floor((1_000 * succeeded) / ended) / 10} %`;
  return (
    <dl className="card figures">
      <Figure name="Running now" value={formatCount(metrics.openExecutions)} />
      <Figure name="Started" value={formatCount(total((point) => point.executionsStarted))} />
      <Figure name="Succeeded" value={formatCount(succeeded)} />
      <Figure name="Failed" title="Failed or timed out" value={formatCount(failed)} bad={failed > 0} />
      <Figure name="Success rate" title="Of those that succeeded, failed or timed out" value={rate} />
      <Figure name="Duration p50" title="Half of the executions took no longer" value={executionTime ? formatTaken(executionTime.p50) : "–"} />
      <Figure name="Duration p99" title="99 of 100 executions took no longer" value={executionTime ? formatTaken(executionTime.p99) : "–"} />
    </dl>
  );
}

function Figure({ name, title, value, bad }: { name: string; title?: string; value: string; bad?: boolean }) {
  return (
    <div title={title} className={bad ? "bad" : undefined}>
      <dt>{name}</dt>
      <dd>{bad && <Icon name="failed" size={16} />}{value}</dd>
    </div>
  );
}

const sum = ({ values }: Series) => formatCount(values.reduce<number>((total, value) => total + (value ?? 0), 0));

function Charts({ metrics, period }: { metrics: Metrics; period: Period }) {
  const { points, executionTime } = metrics;
  if (points.length === 0) return null;
  const shared = { startTime: points[0].timestamp, pointSeconds: period.pointSeconds };
  const times = points.map((point) => point.executionTime);
  return (
    <div className="charts">
      <Chart {...shared} title="Starts" kind="bars" unit="number" summary={sum} series={[{ name: "Started", colour: "--running", values: points.map((point) => point.executionsStarted) }]} />
      <Chart
        {...shared}
        title="Outcomes"
        kind="bars"
        unit="number"
        summary={sum}
        series={[
          { name: "Succeeded", colour: "--succeeded", values: points.map((point) => point.executionsSucceeded) },
          { name: "Failed", colour: "--failed", pattern: "hatched", values: points.map((point) => point.executionsFailed) },
          { name: "Timed out", colour: "--timedout", pattern: "dotted", values: points.map((point) => point.executionsTimedOut) },
          { name: "Aborted", colour: "--aborted", pattern: "crossed", values: points.map((point) => point.executionsAborted) },
        ]}
      />
      <Chart {...shared} title="Running executions" kind="lines" unit="number" summary={() => formatCount(metrics.openExecutions)} series={[{ name: "Running", colour: "--accent", values: points.map((point) => point.executionsOpen) }]} />
      <Chart
        {...shared}
        title="Durations"
        kind="lines"
        unit="ms"
        summary={({ name }) => {
          const value = executionTime?.[name as "p50" | "p99"];
          return value === undefined ? "–" : formatTaken(value);
        }}
        series={[
          { name: "p50", colour: "--running", values: times.map((time) => time?.p50) },
          { name: "p99", colour: "--waiting", pattern: "dashed", values: times.map((time) => time?.p99) },
        ]}
      />
    </div>
  );
}
