/** The states of the machine beside the graph: the same selection, for the keyboard and for those who listen. */

import { useMemo, useState } from "react";
import { sum } from "../../graph/view";
import { Icon } from "../../ui/icons";
import { stepTone } from "../../ui/status";
import type { States, StateNode } from "./definition";
import type { Located, Locations } from "./locate";
import { Fold, VirtualTree, type TreeRow } from "./virtual-tree";

interface StateRow extends TreeRow {
  located: Located;
}

function rowsOf(states: States, locations: Locations, folded: ReadonlySet<string>): StateRow[] {
  const rows: StateRow[] = [];
  const walk = (nodes: StateNode[]): void => {
    nodes.forEach((node, index) => {
      const isExpandable = node.children.length > 0;
      const isExpanded = isExpandable && !folded.has(node.name);
      const located = locations.get(node.name) ?? { node, visits: [], isTogether: false };
      rows.push({ key: node.name, level: node.level, isExpandable, isExpanded, position: index + 1, setSize: nodes.length, located });
      if (isExpanded) walk(node.children);
    });
  };
  walk(states.roots);
  return rows;
}

function describe({ step, visits, iteration }: Located): string {
  if (!step) return "not entered";
  const times = visits.length > 1 ? `, ${visits.length} visits` : "";
  return `${stepTone(step.status).text}${times}${iteration === undefined ? "" : `, iteration ${iteration}`}`;
}

export function StateTree({ states, locations, selected, focus, onSelect }: { states: States; locations: Locations; selected: string | undefined; focus: string | undefined; onSelect: (name: string, isTap?: boolean) => void }) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => rowsOf(states, locations, folded), [states, locations, folded]);
  const fold = (row: StateRow, expanded: boolean) => {
    const next = new Set(folded);
    if (expanded) next.delete(row.key);
    else next.add(row.key);
    setFolded(next);
  };
  return (
    <VirtualTree
      rows={rows}
      label="States"
      selectedKey={selected}
      startKey={focus}
      onSelect={(row, isTap) => onSelect(row.key, isTap)}
      onFold={fold}
      textOf={(row) => row.key}
      nameOf={(row) => `${row.key}, ${row.located.node.type}, ${describe(row.located)}`}
      className="state-tree"
    >
      {(row) => {
        const { step, visits } = row.located;
        const tone = step && stepTone(step.status);
        return (
          <>
            <Fold row={row} onFold={fold} />
            <span className="mark" style={tone ? { color: `var(--${tone.tone})` } : undefined}>{tone ? <Icon name={tone.icon} size={13} /> : <i className="dot" />}</span>
            <span className={`ellipsis grow ${step ? "" : "muted"}`} title={row.key}>{row.key}</span>
            {step?.iterations && <Counts counts={row.located.isTogether && visits.length > 1 ? sum(visits) : step.iterations} />}
            {visits.length > 1 && <span className="count" title={`${visits.length.toLocaleString()} visits`}>×{visits.length.toLocaleString()}</span>}
          </>
        );
      }}
    </VirtualTree>
  );
}

function Counts({ counts }: { counts: { total: number; succeeded: number; failed: number } }) {
  const done = counts.succeeded;
  return (
    <span className="count" title={`${done.toLocaleString()} of ${counts.total.toLocaleString()} iterations succeeded, ${counts.failed.toLocaleString()} failed`}>
      {done.toLocaleString()}/{counts.total.toLocaleString()}
      {counts.failed > 0 && <b style={{ color: "var(--failed)" }}> ✕{counts.failed.toLocaleString()}</b>}
    </span>
  );
}

