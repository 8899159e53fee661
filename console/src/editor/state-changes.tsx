/** Which states differ, as a line of names. */

import type { StateChange } from "./state-diff";

const WORDS: Record<StateChange, { text: string; tone: string; mark: string }> = {
  added: { text: "added", tone: "succeeded", mark: "+" },
  changed: { text: "changed", tone: "caught", mark: "~" },
  removed: { text: "removed", tone: "failed", mark: "−" },
};

export function StateChanges({ changes }: { changes: Map<string, StateChange> }) {
  if (changes.size === 0) return <p className="muted">No state differs.</p>;
  return (
    <ul className="state-changes" aria-label="States that differ">
      {[...changes].map(([name, change]) => (
        <li key={name} className={`badge tone-${WORDS[change].tone}`}>
          <span aria-hidden="true">{WORDS[change].mark}</span> <bdi className="name">{name}</bdi> <span className="visually-hidden">{WORDS[change].text}</span>
        </li>
      ))}
    </ul>
  );
}
