import type { Machine } from "../../api/types";
export function RevisionsTab({ machine }: { machine: Machine }) { return <pre>{machine.name}</pre>; }
