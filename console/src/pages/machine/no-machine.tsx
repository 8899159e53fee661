/** Instead of a state machine that is not there, or may not be seen. */

import { parseArn } from "../../api/arn";
import { ApiError } from "../../api/errors";
import { Link } from "../../router";
import { Empty, ErrorNotice } from "../../ui/parts";

export function NoMachine({ named, error, retry, what }: { named: string; error: unknown; retry: () => void; what: string }) {
  const arn = parseArn(named);
  const isMissing = error instanceof ApiError && error.isMissing;
  return (
    <>
      <div>
        <nav className="crumbs" aria-label="Breadcrumb"><Link to="machines">State machines</Link></nav>
        <h1 className="name">{arn ? [arn.machine, arn.name].filter(Boolean).join(", ") : named}</h1>
      </div>
      {isMissing ? (
        <Empty title={arn?.name ? "There is no such version or alias" : "There is no such state machine"} action={<Link className="button" to="machines">All state machines</Link>}>
          <span className="name mono">{named}</span>
        </Empty>
      ) : <ErrorNotice error={error} retry={retry} what={what} />}
    </>
  );
}
