/** What has been written and not saved: kept over a step back or a reload, and asked about before it is left. */

import { useEffect, useRef, useState } from "react";
import { keep, readKept } from "../api/kept";
import { useRouter } from "../router";
import { useKeys } from "../ui/keys";

export interface Draft {
  definition: string;
  name: string;
  type: string;
  roleArn: string;
}

/** How long after a change it is kept: a long definition is not written for every letter. */
const KEEP_MS = 500;

const nameOf = (machine: string) => `draft.${machine}`;

export function readDraft(machine: string): Draft | undefined {
  const kept = readKept(nameOf(machine)) as Draft | undefined;
  return typeof kept?.definition === "string" ? kept : undefined;
}

/**
 * Keeps what has been written while it is not saved, the last letters too when the page is left. Gives back
 * how to forget it, once it is saved.
 */
export function useDraft(machine: string, draft: Draft | undefined): () => void {
  const now = useRef(draft);
  now.current = draft;
  useEffect(() => {
    const timer = setTimeout(() => keep(nameOf(machine), draft), KEEP_MS);
    return () => clearTimeout(timer);
  }, [machine, draft]);
  useEffect(() => {
    const keepNow = () => keep(nameOf(machine), now.current);
    window.addEventListener("pagehide", keepNow);
    return () => {
      window.removeEventListener("pagehide", keepNow);
      keepNow();
    };
  }, [machine]);
  return () => {
    now.current = undefined;
    keep(nameOf(machine), undefined);
  };
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
      if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.hash !== "") return;
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
