/** The steps as a table that unfolds like a tree. */

import type { RunView, Step } from "../../model/run";
import { Empty } from "../../ui/parts";
import { stepTone } from "../../ui/status";
import { formatDuration, useNow } from "../../ui/time";
import { useRows } from "./folding";
import type { Row } from "./rows";
import { RowName, selectedKey, textOf } from "./timeline";
import { Fold, VirtualTree } from "./virtual-tree";

interface Props {
  run: RunView;
  version: number;
  startedAt: number;
  selected: Step | undefined;
  iteration: number | undefined;
  onStep: (step: Step) => void;
  onIteration: (map: Step, index: number) => void;
}

const COLUMNS = ["Name", "Type", "Status", "Attempts", "Since start", "Duration", "Event"];

export function StepTable({ run, version, startedAt, selected, iteration, onStep, onIteration }: Props) {
  const { rows, onFold } = useRows(run, version, selected);
  if (rows.length === 0) return <Empty title="No state has been entered yet" />;
  return (
    <div className="card step-table">
      <VirtualTree
        grid
        rows={rows}
        label="Steps"
        selectedKey={selectedKey(selected, iteration)}
        onSelect={(row) => (row.kind === "step" ? onStep(row.step) : onIteration(row.map, row.iteration.index))}
        onFold={onFold}
        textOf={textOf}
        header={
          <div className="grid-head" role="row">
            {COLUMNS.map((column) => <span key={column} role="columnheader">{column}</span>)}
          </div>
        }
      >
        {(row) => <Cells row={row} startedAt={startedAt} onFold={onFold} />}
      </VirtualTree>
    </div>
  );
}

function Cells({ row, startedAt, onFold }: { row: Row; startedAt: number; onFold: (row: Row, expanded: boolean) => void }) {
  const step = row.kind === "step" ? row.step : undefined;
  const thing = row.kind === "step" ? row.step : row.iteration;
  const from = row.kind === "step" ? row.step.enteredAt : row.iteration.startedAt;
  const tone = stepTone(thing.status);
  return (
    <>
      <span role="gridcell" className="cell-name">
        <Fold row={row} onFold={onFold} />
        <RowName row={row} />
      </span>
      <span role="gridcell" className="muted">{step?.type ?? "Iteration"}</span>
      <span role="gridcell" style={{ color: `var(--${tone.tone})` }}>{tone.text}</span>
      <span role="gridcell" className="number">{step && step.attempts.length > 0 ? step.attempts.length : <span className="muted">–</span>}</span>
      <span role="gridcell" className="number">{formatDuration((from - startedAt) * 1_000)}</span>
      <span role="gridcell" className="number">{thing.endedAt === undefined ? <Running from={from} /> : formatDuration((thing.endedAt - from) * 1_000)}</span>
      <span role="gridcell" className="number mono muted">#{step?.id ?? (row.kind === "iteration" ? row.iteration.startedEventId : "")}</span>
    </>
  );
}

function Running({ from }: { from: number }) {
  return <>{formatDuration(Math.max(0, useNow() - from * 1_000))}</>;
}
