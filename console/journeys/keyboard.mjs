/** The console without a mouse. */

import { check, createMachine, see, settled, start, until } from "./harness.mjs";

/** Presses Tab until something has the focus that is wanted. */
async function tabTo(page, name, most = 80) {
  for (let index = 0; index < most; index += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const { activeElement: at } = document;
      return at?.getAttribute("aria-label") ?? at?.textContent?.trim() ?? "";
    });
    if (name.test(focused)) return index + 1;
  }
  throw new Error(`${most} times Tab lead to nothing like ${name}`);
}

export function keyboard({ server }) {
  return [
    {
      name: "keyboard only: from the start page to a failed step, with / ? j k",
      walk: async (open) => {
        const machine = await createMachine(server, "keys", { StartAt: "Broken", States: { Broken: { Type: "Fail", Error: "KeyJam", Cause: "a key is stuck" } } });
        await createMachine(server, "locks", { StartAt: "Turn", States: { Turn: { Type: "Pass", End: true } } });
        await settled(server, await start(server, machine, {}, "jammed"), "FAILED");
        const page = await open();
        await page.goto(server.console);
        await page.getByText("a key is stuck").waitFor();
        // Skip link first.
        await page.keyboard.press("Tab");
        check(await page.evaluate(() => document.activeElement?.textContent === "Skip to content"), "the first thing to reach is the way past the navigation");
        await page.keyboard.press("Enter");
        await tabTo(page, /^jammed$/);
        await page.keyboard.press("Enter");
        await see(page, "region", "Why it failed");
        await see(page, "treeitem", /^Broken, Fail, Failed/, { selected: true });
        check((await page.title()).startsWith("jammed"), "the title says which execution");

        await page.keyboard.press("?");
        const help = await see(page, "dialog", "Keys");
        await help.getByText("Find a row: type how it begins").waitFor();
        await page.keyboard.press("Escape");
        await help.waitFor({ state: "hidden" });

        await page.goto(`${server.console}executions/${machine.replace(":stateMachine:", ":execution:")}:jammed?tab=events`);
        await see(page, "list", "Events");
        const chosen = () => new URL(page.url()).searchParams.get("event");
        await page.keyboard.press("j");
        const first = await until(chosen, "j to choose an event");
        await page.keyboard.press("j");
        await until(() => chosen() !== first, "j to go on");
        await page.keyboard.press("k");
        await until(() => chosen() === first, "k to go back");

        // Who knows the way types ahead: the list has not come yet.
        let release;
        const typed = new Promise((resolve) => (release = resolve));
        await page.route("**/*", async (route) => {
          if (route.request().headers()["x-amz-target"]?.endsWith(".ListStateMachines")) await typed;
          await route.continue();
        });
        await page.keyboard.press("M");
        await page.waitForURL("**/console/machines");
        await see(page, "heading", "State machines");
        await page.keyboard.press("/");
        await page.keyboard.type("keys");
        release();
        await see(page, "link", "keys");
        await until(async () => (await page.getByRole("link", { name: "locks" }).count()) === 0, "the list to be narrowed");
      },
    },
    {
      name: "keyboard only: in a tree j and k go down and up, and belong to a word that is typed",
      walk: async (open) => {
        const machine = await createMachine(server, "typed", { StartAt: "Begin", States: { Begin: { Type: "Pass", Next: "Chase" }, Chase: { Type: "Pass", Next: "Check" }, Check: { Type: "Pass", End: true } } });
        const arn = await start(server, machine);
        await settled(server, arn, "SUCCEEDED");
        const page = await open();
        await page.goto(`${server.console}executions/${arn}?state=Begin`);
        await see(page, "treeitem", /^Begin/, { selected: true });
        await page.keyboard.press("/");
        await page.keyboard.press("j");
        await see(page, "treeitem", /^Chase/, { selected: true });
        await page.keyboard.press("k");
        await see(page, "treeitem", /^Begin/, { selected: true });
        await page.keyboard.type("check");
        await see(page, "treeitem", /^Check/, { selected: true });
        // The address is written when nothing is typed any more.
        await until(() => new URL(page.url()).searchParams.get("state") === "Check", "the k of the word to move nothing");
      },
    },
    {
      name: "keyboard only: charts are read out",
      walk: async (open) => {
        const page = await open();
        await page.goto(server.console);
        const chart = await see(page, "slider", "Starts over time");
        await chart.focus();
        await page.keyboard.press("End");
        await until(async () => /Started \d/.test((await chart.getAttribute("aria-valuetext")) ?? ""), "the last point to be told");
        const last = await chart.getAttribute("aria-valuetext");
        await page.keyboard.press("ArrowLeft");
        check((await chart.getAttribute("aria-valuetext")) !== last, "the arrows go from point to point");
        await (await see(page, "button", "Starts as a table")).click();
        await see(page, "region", "Numbers of Starts");
      },
    },
  ];
}
