/** Which states differ, as a line of names. */

import type { StateChange } from "./state-diff";

const WORDS: Record<StateChange, { text: string; tone: string; mark: string }> = {
  added: { text: "added", tone: "succeeded", mark: "+" },
  changed: { text: "changed", tone: "caught", mark: "~" },
  removed: { text: "removed", tone: "failed", mark: "−" },
};

/** With `onSelect`, a name leads to the state: not everybody can point at it in a graph. */
export function StateChanges({ changes, selected, onSelect }: { changes: Map<string, StateChange>; selected?: string; onSelect?: (name: string) => void }) {
  if (changes.size === 0) return <p className="muted">No state differs.</p>;
  return (
    <ul className="state-changes" aria-label="States that differ">
      {[...changes].map(([name, change]) => {
        const text = (
          <>
            <span aria-hidden="true">{WORDS[change].mark}</span> <bdi className="name">{name}</bdi> <span className="visually-hidden">{WORDS[change].text}</span>
          </>
        );
        const className = `badge tone-${WORDS[change].tone}`;
        if (!onSelect) return <li key={name} className={className}>{text}</li>;
        return <li key={name}><button type="button" className={className} aria-pressed={selected === name} onClick={() => onSelect(name)}>{text}</button></li>;
      })}
    </ul>
  );
}
