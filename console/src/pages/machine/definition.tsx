import type { Machine } from "../../api/types";
export function DefinitionTab({ machine }: { machine: Machine }) { return <pre>{machine.definition}</pre>; }
