/** What has been written and not saved: kept over a step back or a reload, and asked about before it is left. */

import { useEffect, useState } from "react";
import { useRouter } from "../router";
import { useKeys } from "../ui/keys";

export interface Draft {
  definition: string;
  name: string;
  type: string;
  roleArn: string;
}

const keyOf = (machine: string) => `stepwell.draft.${machine}`;

export function readDraft(machine: string): Draft | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(machine)) ?? "null") as Draft | null;
    return kept && typeof kept.definition === "string" ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function keepDraft(machine: string, draft: Draft | undefined): void {
  try {
    if (draft) sessionStorage.setItem(keyOf(machine), JSON.stringify(draft));
    else sessionStorage.removeItem(keyOf(machine));
  } catch {
    // A full storage keeps nothing; leaving is asked about all the same.
  }
}

/**
 * Asks before a link, a key or the browser leads away from what is not saved. Gives back where to, once
 * somebody wants to go.
 */
export function useLeaving(isDirty: boolean): { to: string | undefined; stay: () => void; leave: () => void } {
  const [to, setTo] = useState<string>();
  const { navigate } = useRouter();
  useEffect(() => {
    if (!isDirty) return;
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    const onClick = (event: MouseEvent) => {
      const link = (event.target as Element | null)?.closest?.<HTMLAnchorElement>("a[href]");
      if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target === "_blank") return;
      event.preventDefault();
      setTo(link.href);
    };
    window.addEventListener("beforeunload", onUnload);
    document.addEventListener("click", onClick, { capture: true });
    return () => {
      window.removeEventListener("beforeunload", onUnload);
      document.removeEventListener("click", onClick, { capture: true });
    };
  }, [isDirty]);
  const go = (where: string) => () => (isDirty ? setTo(where) : navigate(where));
  useKeys([
    { key: "D", does: "Dashboard", run: go(".") },
    { key: "M", does: "State machines", run: go("machines") },
    { key: "I", does: "Waiting tasks", run: go("inbox") },
  ]);
  return {
    to,
    stay: () => setTo(undefined),
    leave: () => {
      const where = to;
      setTo(undefined);
      if (where !== undefined) navigate(where);
    },
  };
}
