/** More windows of one browser than it has connections to a server. */

import { createMachine, PATIENCE_MS, see, start } from "./harness.mjs";

const WINDOWS = 8;

export function windows({ server }) {
  return [
    {
      name: `${WINDOWS} windows of one browser: each shows its execution live, and another page opens`,
      walk: async (open) => {
        const machine = await createMachine(server, "watched", { StartAt: "Hold", States: { Hold: { Type: "Wait", Seconds: 86_400, End: true } } });
        const arns = [];
        for (let window = 1; window <= WINDOWS; window += 1) arns.push(await start(server, machine, {}, `watched-${window}`));
        const first = await open();
        const pages = [first];
        while (pages.length < WINDOWS) pages.push(await first.context().newPage());
        for (const [window, page] of pages.entries()) {
          page.setDefaultTimeout(PATIENCE_MS);
          await page.goto(`${server.console}executions/${arns[window]}`);
          await see(page, "treeitem", /^Hold, Wait, In progress/);
        }
        // Those that were opened first have all streams that there are, and those that came later have none.
        for (const [window, page] of [...pages.entries()].reverse()) {
          await server.call("StopExecution", { executionArn: arns[window] });
          await see(page, "treeitem", /^Hold, Wait, Aborted/);
        }
        const list = await first.context().newPage();
        await list.goto(`${server.console}machines/${machine}`);
        await see(list, "link", `watched-${WINDOWS}`);
      },
    },
  ];
}
