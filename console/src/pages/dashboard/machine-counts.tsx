/** The state machines with the most to do, and those that fail, in the last 24 hours. */

import { shortName } from "../../api/arn";
import { useMachineCounts } from "../../api/queries";
import type { MachineCounts } from "../../api/types";
import { Link, path } from "../../router";
import { ErrorNotice, Loading } from "../../ui/parts";
import { formatCount } from "./scale";

const ROWS_MAX = 6;

const failedOf = (counts: MachineCounts) => counts.failed + counts.timedOut;

/** Those that fail come first, by how many did; then those with the most starts. */
function foremost(counts: MachineCounts[]): MachineCounts[] {
  return counts
    .filter((each) => each.started > 0 || each.running > 0 || failedOf(each) > 0)
    .toSorted((a, b) => failedOf(b) - failedOf(a) || b.started - a.started || b.running - a.running)
    .slice(0, ROWS_MAX);
}

export function MachineCountsCard() {
  const counts = useMachineCounts();
  return (
    <section className="card machine-counts" aria-labelledby="machine-counts">
      <header>
        <h2 id="machine-counts">State machines</h2>
        <span className="small muted">last 24 h</span>
        <Link className="small all" to="machines">All<span className="visually-hidden"> state machines</span></Link>
      </header>
      {counts.isPending && <Loading />}
      {counts.error && <div className="body"><ErrorNotice error={counts.error} retry={() => void counts.refetch()} what="The counts cannot be shown" /></div>}
      {counts.data && <Rows counts={foremost(counts.data.counts)} />}
    </section>
  );
}

function Rows({ counts }: { counts: MachineCounts[] }) {
  if (counts.length === 0) return <p className="body muted">Nothing was started.</p>;
  return (
    <table className="table">
      <thead>
        <tr><th scope="col">Name</th><th scope="col" className="number">Started</th><th scope="col" className="number">Running</th><th scope="col" className="number">Failed</th></tr>
      </thead>
      <tbody>
        {counts.map((each) => {
          const name = shortName(each.stateMachineArn);
          return (
            <tr key={each.stateMachineArn}>
              <td><Link className="ellipsis" title={name} to={path("machines", each.stateMachineArn)}>{name}</Link></td>
              <td className="number">{formatCount(each.started)}</td>
              <td className="number">{formatCount(each.running)}</td>
              <td className={failedOf(each) > 0 ? "number some" : "number"}>{failedOf(each) === 0 ? "0" : <Link to={`${path("machines", each.stateMachineArn)}?status=${each.failed > 0 ? "FAILED" : "TIMED_OUT"}`} aria-label={`${failedOf(each)} failed, of ${name}`}>{formatCount(failedOf(each))}</Link>}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
