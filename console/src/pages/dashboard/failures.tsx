/** What failed lately, by reason: the cause is told here, and a link leads to where it happened. */

import { Fragment, useState, type ReactNode } from "react";
import { shortName } from "../../api/arn";
import type { RecentFailure } from "../../api/types";
import { Link, path } from "../../router";
import { Icon } from "../../ui/icons";
import { Button } from "../../ui/parts";
import { executionTone } from "../../ui/status";
import { Ago } from "../../ui/time";
import { groupFailures, type FailureGroup } from "./causes";
import { FAILURES_MAX } from "./metrics";

/** How many executions of a group are linked at first. */
const LINKS_MAX = 3;
/** How many states and state machines of a group are named. */
const NAMES_MAX = 3;
/** How much of a cause is told here, in characters. */
const CAUSE_CHARS = 600;

export function Failures({ failures }: { failures: RecentFailure[] }) {
  const groups = groupFailures(failures);
  return (
    <section className="card failures" aria-labelledby="recent-failures">
      <header>
        <h2 id="recent-failures">Recent failures</h2>
        {failures.length > 0 && <span className="small muted">{failures.length >= FAILURES_MAX && "the last "}{failures.length === 1 ? "1 execution" : `${failures.length} executions`}, by cause</span>}
      </header>
      {groups.length === 0 ? (
        <p className="body muted">No execution failed or timed out.</p>
      ) : (
        <ul>{groups.map((group) => <Group key={group.key} group={group} />)}</ul>
      )}
    </section>
  );
}

/** The execution, at the state that failed. */
function toFailure({ executionArn, stateName }: RecentFailure): string {
  const to = path("executions", executionArn);
  return stateName === undefined ? to : `${to}?${new URLSearchParams({ state: stateName })}`;
}

/** The first few, and how many more there are. */
function listed(items: string[], show: (item: string) => ReactNode): ReactNode {
  return (
    <>
      {items.slice(0, NAMES_MAX).map((item, index) => <Fragment key={item}>{index > 0 && ", "}{show(item)}</Fragment>)}
      {items.length > NAMES_MAX && ` and ${items.length - NAMES_MAX} more`}
    </>
  );
}

function Group({ group: { error, cause, failures, machines } }: { group: FailureGroup }) {
  const [newest] = failures;
  const [areAll, setAll] = useState(false);
  const states = [...new Set(failures.flatMap((failure) => failure.stateName ?? []))];
  const tone = executionTone(newest.status);
  return (
    <li>
      <span className={`count tone-${tone.tone}`} title={failures.length === 1 ? "1 execution" : `${failures.length} executions`}>
        <Icon name={tone.icon} size={12} />
        <span className="visually-hidden">{tone.text}: </span>
        {failures.length}
      </span>
      <div className="grow">
        <h3 className="name mono">{error}</h3>
        {cause && <p className="name cause">{cause.length > CAUSE_CHARS ? `${cause.slice(0, CAUSE_CHARS)}…` : cause}</p>}
        <p className="small muted where">
          {states.length > 0 && <>in {listed(states, (state) => <bdi className="name state">{state}</bdi>)} </>}
          of {listed(machines, (arn) => <Link className="name" to={path("machines", arn)}>{shortName(arn)}</Link>)}
        </p>
      </div>
      <div className="newest small">
        <span className="muted"><span className="visually-hidden">Last </span><Ago seconds={newest.stopDate} /></span>
        <ul aria-label={`Newest executions that failed with ${error}`} className={areAll ? "all" : undefined}>
          {failures.slice(0, areAll ? undefined : LINKS_MAX).map((failure) => (
            <li key={failure.executionArn}><Link className="ellipsis" title={failure.name} to={toFailure(failure)}>{failure.name}</Link></li>
          ))}
        </ul>
        {failures.length > LINKS_MAX && <Button kind="quiet" small aria-expanded={areAll} onClick={() => setAll(!areAll)}>{areAll ? "Show fewer" : `Show all ${failures.length}`}</Button>}
      </div>
    </li>
  );
}
