/** The inputs that a machine was started with from here: kept as long as the browser's tab is. */

import { keep, readKept } from "../../api/kept";

const KEPT = 6;
/** Longer ones would fill the storage that all of the console shares. */
const CHARS_MAX = 64 * 1024;

const nameOf = (machineArn: string) => `inputs.${machineArn}`;

export function recentInputs(machineArn: string): string[] {
  const kept = readKept(nameOf(machineArn));
  return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
}

export function rememberInput(machineArn: string, input: string): void {
  if (input.length > CHARS_MAX) return;
  keep(nameOf(machineArn), [input, ...recentInputs(machineArn).filter((each) => each !== input)].slice(0, KEPT));
}
