/** A Map with a thousand iterations. */

import { MANY } from "./definitions.mjs";
import { check, createMachine, see, settled, start } from "./harness.mjs";

export function many({ server }) {
  return [
    {
      name: "Map with a thousand iterations: pick the one that failed",
      walk: async (open) => {
        const machine = await createMachine(server, "many-lines", MANY);
        const arn = await start(server, machine, { count: 1_000 }, "thousand");
        await settled(server, arn, "SUCCEEDED");
        const page = await open();
        await page.goto(`${server.console}executions/${arn}`);
        await (await see(page, "treeitem", /^Each line, Map, Caught error/)).click();
        const iterations = await see(page, "region", "Iterations of Each line");
        await iterations.getByLabel("Status of the iterations").selectOption({ label: "Failed (1)" });
        // Items are counted from 0: the 777th line is iteration 776.
        await (await see(iterations, "option", /#776.*Failed/)).click();
        await see(page, "treeitem", /^Broken, Pass, Failed/);
        await (await see(page, "treeitem", /^Broken, Pass/)).click();
        await (await see(page, "region", "State Broken")).getByText("Line 777 cannot be read").first().waitFor();
        check((await iterations.getByRole("option").count()) < 100, "only what is in view is on the page");
      },
    },
  ];
}
