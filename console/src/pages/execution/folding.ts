/** Which rows of the steps are unfolded; what is selected is always seen. */

import { useEffect, useMemo, useState } from "react";
import type { RunView, Step } from "../../model/run";
import { keysAround, rowsOf, type Folds, type Row } from "./rows";

export function useRows(run: RunView, version: number, selected: Step | undefined): { rows: Row[]; onFold: (row: Row, expanded: boolean) => void } {
  const [folds, setFolds] = useState<Folds>(new Map());
  useEffect(() => {
    if (!selected) return;
    const around = keysAround(run, selected);
    if (around.length > 0) setFolds((before) => new Map([...before, ...around.map((key) => [key, true] as const)]));
  }, [run, selected]);
  const rows = useMemo(() => rowsOf(run, folds), [run, version, folds]);
  return { rows, onFold: (row, expanded) => setFolds((before) => new Map(before).set(row.key, expanded)) };
}
