/**
 * What this tab of the browser keeps for whoever is signed in: drafts, and inputs of starts. Who signs in
 * after somebody else sees nothing of theirs.
 */

import { currentSession, onSessionChange } from "./session";

const PREFIX = "stepwell.kept.";
const OWNER = "stepwell.owner";

/** What is kept under a name; `undefined` if there is nothing. */
export function readKept(name: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a value under a name as long as the tab is open, or forgets what is kept there. */
export function keep(name: string, value: unknown): void {
  const { mode, user } = currentSession();
  // Pages that go away when somebody signs out have nobody to keep anything for.
  if (mode === "credentials" && user === undefined) return;
  try {
    if (value === undefined) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A full storage keeps nothing.
  }
}

function forgetAll(): void {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  }
}

let last = currentSession().user;

onSessionChange(() => {
  const { user, account } = currentSession();
  if (user === last) return;
  last = user;
  try {
    const owner = user === undefined ? "" : `${account} ${user}`;
    if (owner !== sessionStorage.getItem(OWNER)) forgetAll();
    sessionStorage.setItem(OWNER, owner);
  } catch {
    // Without a storage nothing was kept.
  }
});
