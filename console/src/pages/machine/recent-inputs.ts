/** The inputs that a machine was started with from here: kept as long as the browser's tab is. */

const KEPT = 6;
/** Longer ones would fill the storage that all of the console shares. */
const CHARS_MAX = 64 * 1024;

const keyOf = (machineArn: string) => `stepwell.inputs.${machineArn}`;

export function recentInputs(machineArn: string): string[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(keyOf(machineArn)) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

export function rememberInput(machineArn: string, input: string): void {
  if (input.length > CHARS_MAX) return;
  const kept = [input, ...recentInputs(machineArn).filter((each) => each !== input)].slice(0, KEPT);
  try {
    sessionStorage.setItem(keyOf(machineArn), JSON.stringify(kept));
  } catch {
    // A full storage forgets.
  }
}
