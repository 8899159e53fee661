/** What our validator says of a text, asked for when somebody has stopped typing. */

import type { Diagnostic as Mark } from "@codemirror/lint";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { call } from "../api/client";
import type { Diagnostic, MachineType } from "../api/types";
import { checkJson, offsetOf } from "./json-check";
import { Source } from "./tree";

const DEBOUNCE_MS = 300;

export interface Diagnosis {
  diagnostics: Diagnostic[];
  /** Being asked for, or a text behind. */
  isPending: boolean;
  error: unknown;
  /** For the editor. */
  marks: Mark[];
}

/** The value once it has stayed the same for a while. */
export function useSettled<Value>(value: Value, ms: number): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

export function useDiagnosis(text: string, type: MachineType): Diagnosis {
  const settled = useSettled(text, DEBOUNCE_MS);
  const asked = useQuery({
    queryKey: ["diagnosis", type, settled],
    queryFn: ({ signal }) => diagnose(settled, type, signal),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 30_000,
    refetchOnWindowFocus: false,
  });
  const found = asked.data;
  const marks = useMemo(() => (found && !asked.isPlaceholderData ? found.map((each) => markOf(each, settled)) : []), [found, asked.isPlaceholderData, settled]);
  return { diagnostics: found ?? [], isPending: settled !== text || asked.isFetching, error: asked.error, marks };
}

async function diagnose(definition: string, type: MachineType, signal: AbortSignal): Promise<Diagnostic[]> {
  // What is no JSON is told at once, in fewer words than a server has for it.
  const broken = checkJson(definition);
  if (broken) return [{ severity: "ERROR", code: "INVALID_JSON_DESCRIPTION", message: broken.message, pointer: "", line: broken.line, column: broken.column }];
  return (await call<{ diagnostics: Diagnostic[] }>("Stepwell.DiagnoseDefinition", { definition, type }, signal)).diagnostics;
}

function markOf(diagnostic: Diagnostic, text: string): Mark {
  const from = offsetOf(text, diagnostic.line, diagnostic.column);
  // A token: to the end of a literal, or one character.
  const token = /^(?:"(?:\\.|[^"\\\n])*"|[\w.+-]+)/.exec(text.slice(from, from + 400));
  const to = Math.max(from, Math.min(text.length, from + (token?.[0].length ?? 1)));
  return {
    from, to,
    severity: diagnostic.severity === "ERROR" ? "error" : "warning",
    message: diagnostic.hint ? `${diagnostic.message}\n${diagnostic.hint}` : diagnostic.message,
    source: diagnostic.code,
  };
}

/** Where the server says that a definition is wrong, if it names a place: `... at /States/A/Next`. */
export function placeInMessage(message: string, text: string): number | undefined {
  const pointer = /\bat (\/[^',]+)/.exec(message)?.[1];
  const place = pointer && new Source(text).at(pointer.trim());
  if (place) return place.from;
  const lineColumn = [...message.matchAll(/line: (\d+), column: (\d+)/g)].at(-1);
  return lineColumn ? offsetOf(text, Number(lineColumn[1]), Number(lineColumn[2])) : undefined;
}
