/** Names and payloads that want to be more than text. */

import { check, createMachine, see, settled, start } from "./harness.mjs";

const SCRIPT = "<script>window.hacked = 1</script><img src=x onerror=\"window.hacked = 1\">";
/** Turns the direction of what follows. */
const RTL = "\u202egnp.exe\u2066\u061c";
const LONG = "A state with a name as long as AWS lets it be: exactly eighty characters, abcdefg";

export function hostile({ server }) {
  return [
    {
      name: "hostile names and payloads are text and change nothing",
      walk: async (open) => {
        const evil = `<b onmouseover=alert(1)>${RTL}`;
        const long = LONG.slice(0, 80);
        const definition = {
          Comment: SCRIPT,
          StartAt: evil,
          States: {
            [evil]: { Type: "Pass", Result: { [SCRIPT]: SCRIPT }, ResultPath: "$.result", Next: long },
            [long]: { Type: "Fail", Error: `Oops<i>${RTL}`, Cause: `${SCRIPT}${RTL} ${"x".repeat(3_000)}` },
          },
        };
        const name = "n".repeat(80);
        const machine = await createMachine(server, name, definition);
        const arn = await start(server, machine, { text: SCRIPT, rtl: RTL, big: "y".repeat(200_000) }, "e".repeat(80));
        await settled(server, arn, "FAILED");
        for (const width of [1280, 390]) {
          const page = await open({ width, height: 800 });
          for (const [address, seen] of [
            ["", "Dashboard"], ["machines", "State machines"], [`machines/${machine}`, name], [`machines/${machine}?tab=definition`, name],
            [`executions/${arn}`, "e".repeat(80)], [`executions/${arn}?tab=events`, "e".repeat(80)], [`executions/${arn}?tab=timeline`, "e".repeat(80)],
            [`executions/${arn}?tab=io`, "e".repeat(80)], [`executions/${arn}?tab=table`, "e".repeat(80)], [`machines/${machine}/edit`, undefined], ["inbox", "Waiting tasks"],
          ]) {
            await page.goto(server.console + address);
            if (seen) await see(page, "heading", seen);
            else await page.locator(".cm-content").first().waitFor();
            check(await page.evaluate(() => window.hacked === undefined && document.querySelectorAll("main script, main img[src=x], main [onmouseover]").length === 0), `nothing of it became markup at ${address}`);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            check(wide <= 1, `the page is no wider than the window at ${address} (${width} px): ${wide} px too wide`);
          }
        }
        const page = await open();
        await page.goto(`${server.console}executions/${arn}?tab=io`);
        const input = await see(page, "group", /Input/);
        await (await see(input, "button", "Show")).click();
        await input.getByText("window.hacked").first().waitFor();
      },
    },
  ];
}
