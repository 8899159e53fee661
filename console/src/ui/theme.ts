/** Light or dark: as the system has it, until somebody chooses. */

export type Theme = "light" | "dark";

const KEY = "stepwell.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

export function currentTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : dark.matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.dataset.theme = currentTheme();
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  apply();
}

/** Applies the theme now and whenever the system's changes. */
export function startTheme(): void {
  apply();
  dark.addEventListener("change", apply);
}
