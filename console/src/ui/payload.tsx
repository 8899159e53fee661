/**
 * A payload: always shown as text, never as markup. A large one is shown when somebody asks for it.
 */

import { useMemo, useState, type ReactNode } from "react";
import { formatJson } from "../editor/json-format";
import { Button, CopyButton } from "./parts";

/** What is longer than this, in characters, is shown on click. */
const LARGE_CHARS = 64 * 1024;
/** What is longer than this is not coloured. */
const COLOURED_CHARS = 256 * 1024;

/** JSON with indentation, its numbers as they are written; a text that is no JSON as it is. */
export function pretty(text: string): string {
  try {
    JSON.parse(text);
    return formatJson(text);
  } catch {
    return text;
  }
}

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

function coloured(text: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, word] = match;
    if (match.index > end) parts.push(text.slice(end, match.index));
    const kind = string !== undefined ? (colon !== undefined ? "key" : "string") : word !== undefined ? "word" : "number";
    const value = string ?? whole;
    parts.push(<span key={match.index} className={`json-${kind}`}>{value}</span>);
    if (colon) parts.push(colon);
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  return parts;
}

/**
 * `title` names it for those who cannot see where it stands. `actions` stand beside Copy. With `raw` the
 * text is shown as it is.
 */
export function Payload({ text, title, actions, raw }: { text: string; title: string; actions?: ReactNode; raw?: boolean }) {
  const [shown, setShown] = useState(false);
  const isLarge = text.length > LARGE_CHARS;
  const body = useMemo(() => {
    if (isLarge && !shown) return null;
    const written = raw ? text : pretty(text);
    return written.length > COLOURED_CHARS ? written : coloured(written);
  }, [text, isLarge, shown, raw]);
  return (
    <div className="payload" role="group" aria-label={title}>
      <div className="tools">
        {actions}
        <CopyButton text={() => (raw ? text : pretty(text))} />
      </div>
      {body === null ? (
        <div className="empty">
          <span>{Math.round(text.length / 1024)} KiB</span>
          <Button small onClick={() => setShown(true)}>Show</Button>
        </div>
      ) : (
        <pre tabIndex={0} dir="ltr">{body}</pre>
      )}
    </div>
  );
}
