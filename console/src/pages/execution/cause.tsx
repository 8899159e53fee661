/** Why something failed: a cause is often JSON in a text, and may be long. */

import { useMemo, useState } from "react";
import { Button, CopyButton } from "../../ui/parts";
import { pretty } from "../../ui/payload";
import { readableCause } from "../dashboard/causes";

/** What is longer than this, in characters, or than one line is folded. */
const FOLDED_CHARS = 240;

/** What people look for first in the cause of a function or of a child execution, before the trace. */
function messageOf(cause: string): string | undefined {
  const message = readableCause(cause);
  return message === cause ? undefined : message;
}

/** Folded it is the message, or the beginning; unfolded it is all of it, formatted. */
export function Cause({ cause }: { cause: string }) {
  const [unfolded, setUnfolded] = useState(false);
  const text = useMemo(() => pretty(cause), [cause]);
  const message = useMemo(() => messageOf(cause), [cause]);
  const first = message ?? cause;
  const isWhole = first === text && first.length <= FOLDED_CHARS && !first.includes("\n");
  return (
    <div className="cause">
      {unfolded ? <pre dir="ltr" tabIndex={0}>{text}</pre> : <p className={message === undefined && text !== cause ? "mono name" : "name"}>{first.length > FOLDED_CHARS ? `${first.slice(0, FOLDED_CHARS)}…` : first}</p>}
      {!isWhole && (
        <div className="row">
          <Button kind="quiet" small aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
            {unfolded ? "Show less" : "Show the whole cause"}
          </Button>
          {unfolded && <CopyButton text={cause} label="Copy cause" />}
        </div>
      )}
    </div>
  );
}
