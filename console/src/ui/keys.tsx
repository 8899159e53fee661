/**
 * The keyboard: one listener, and whoever is on the page says what a key does there. Keys that are typed
 * into a field are the field's.
 */

import { useEffect, useRef } from "react";

/** A key as it is shown in the help, and what it does. */
export interface Binding {
  key: string;
  does: string;
  run: () => void;
  /** Whether there is something on the page for it. */
  isThere?: () => boolean;
}

const stack: { current: Binding[] }[] = [];

/** Binds keys while the caller is on the page; who came last is asked first. */
export function useKeys(bindings: Binding[]): void {
  const held = useRef(bindings);
  held.current = bindings;
  useEffect(() => {
    stack.push(held);
    return () => {
      stack.splice(stack.indexOf(held), 1);
    };
  }, []);
}

/** What is bound now, for the help. */
export function boundKeys(): Binding[] {
  const seen = new Set<string>();
  return stack
    .toReversed()
    .flatMap((bindings) => bindings.current)
    .filter(({ isThere }) => isThere?.() ?? true)
    .filter((binding) => !seen.has(binding.key) && seen.add(binding.key));
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function listenToKeys(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const binding = boundKeys().find((each) => each.key === event.key);
    if (!binding) return;
    event.preventDefault();
    binding.run();
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}

/** The search field of the page: the one that is marked with `data-search`. */
const searchField = () => document.querySelector<HTMLInputElement>("[data-search]");

export const hasSearch = (): boolean => searchField() !== null;

/** Puts the cursor into the search field of the page. */
export function focusSearch(): void {
  const field = searchField();
  field?.focus();
  field?.select();
}
