/** How state machines and activities may be called. */

/** What is wrong with a name; nothing is wrong with one that is yet to be written. */
export function wrongName(name: string): string | undefined {
  if (name === "" || /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u.test(name)) return undefined;
  return "From 1 to 80 characters, without spaces, brackets, or any of ? * \" # % \\ ^ | ~ ` $ & , ; : /";
}
