/** Short messages about what somebody has just done. They go by themselves; errors stay longer. */

import { useSyncExternalStore } from "react";
import { describeError } from "../api/errors";
import { Button } from "./parts";
import { Icon } from "./icons";

interface Toast {
  id: number;
  tone: "succeeded" | "failed";
  text: string;
}

const SUCCEEDED_MS = 4_000;
const FAILED_MS = 12_000;

let toasts: Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: Toast[]): void {
  toasts = next;
  listeners.forEach((listener) => listener());
}

function drop(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

function show(tone: Toast["tone"], text: string): void {
  last += 1;
  const id = last;
  set([...toasts.slice(-3), { id, tone, text }]);
  setTimeout(() => drop(id), tone === "failed" ? FAILED_MS : SUCCEEDED_MS);
}

/** Something was done. */
export function toast(text: string): void {
  show("succeeded", text);
}

/** Something was not done. */
export function toastError(what: string, error: unknown): void {
  show("failed", `${what}: ${describeError(error)}`);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className="notice" style={{ color: `var(--${toast.tone})` }}>
          <Icon name={toast.tone} size={16} />
          <div className="text grow">{toast.text}</div>
          <Button kind="quiet" small icon="close" aria-label="Dismiss" onClick={() => drop(toast.id)} />
        </div>
      ))}
    </div>
  );
}
