/** Why something failed: a cause is often JSON in a text, and may be long. */

import { useMemo, useState } from "react";
import { Button, CopyButton } from "../../ui/parts";
import { pretty } from "../../ui/payload";

/** What is longer is folded, in lines and in characters. */
const LINES_MAX = 8;
const CHARS_MAX = 600;

/** What people look for first in the cause of a function, before the trace. */
function messageOf(cause: string): string | undefined {
  try {
    const parsed = JSON.parse(cause) as { errorMessage?: unknown } | null;
    return typeof parsed?.errorMessage === "string" ? parsed.errorMessage : undefined;
  } catch {
    return undefined;
  }
}

export function Cause({ cause }: { cause: string }) {
  const [unfolded, setUnfolded] = useState(false);
  const text = useMemo(() => pretty(cause), [cause]);
  const message = useMemo(() => messageOf(cause), [cause]);
  const lines = text.split("\n");
  const isLong = text.length > CHARS_MAX || lines.length > LINES_MAX;
  const shown = unfolded || !isLong ? text : `${lines.slice(0, LINES_MAX).join("\n").slice(0, CHARS_MAX)}…`;
  return (
    <div className="cause">
      {message !== undefined && <p className="name">{message}</p>}
      {(message === undefined || unfolded) && <pre dir="ltr" tabIndex={unfolded ? 0 : undefined}>{shown}</pre>}
      <div className="row">
        {(isLong || message !== undefined) && (
          <Button kind="quiet" small aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
            {unfolded ? "Show less" : "Show the whole cause"}
          </Button>
        )}
        <CopyButton text={cause} label="Copy cause" />
      </div>
    </div>
  );
}
