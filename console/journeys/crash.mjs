/** The server goes away while somebody looks, and comes back. */

import { join } from "node:path";
import { check, createMachine, freePort, see, start, startServer, TMP, until } from "./harness.mjs";

export function crash() {
  return [
    {
      name: "kill -9 and restart under an open page: it says so, comes back, and misses and repeats nothing",
      walk: async (open) => {
        const port = await freePort();
        const args = ["--data", join(TMP, "crash-data")];
        let server = await startServer({ args, port });
        try {
          const seconds = { Type: "Wait", Seconds: 1 };
          const States = { Last: { Type: "Succeed" } };
          for (let index = 6; index >= 1; index -= 1) States[`Wait ${index}`] = { ...seconds, Next: index === 6 ? "Last" : `Wait ${index + 1}` };
          const machine = await createMachine(server, "through-a-crash", { StartAt: "Wait 1", States });
          const arn = await start(server, machine, {}, "survivor");
          const page = await open();
          await page.goto(`${server.console}executions/${arn}`);
          await see(page, "treeitem", /^Wait 2, Wait, In progress/);
          await server.kill9();
          await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
          server = await startServer({ args, port });
          await page.getByText("The server cannot be reached").waitFor({ state: "hidden" });
          await see(page, "treeitem", /^Last, Succeed, Succeeded/);
          await page.locator(".execution-head").getByText("Succeeded").waitFor();
          const { events } = await server.call("GetExecutionHistory", { executionArn: arn, maxResults: 1000 });
          await until(async () => (await page.locator(".execution-head .facts").innerText()).replace(/\s+/g, " ").includes(`Events ${events.length} `) || (await page.locator(".execution-head .facts").innerText()).replace(/\s+/g, " ").endsWith(`Events ${events.length}`), `all ${events.length} events to be counted`);
          await (await see(page, "tab", "Events")).click();
          const items = page.getByRole("list", { name: "Events" }).getByRole("listitem");
          await items.first().waitFor();
          check(Number(await items.first().getAttribute("aria-setsize")) === events.length, "the list of events is as long as the history");
        } finally {
          await server.stop();
        }
      },
    },
    {
      name: "a part that the server was not there for comes when it is back",
      walk: async (open) => {
        const port = await freePort();
        const args = ["--data", join(TMP, "part-data")];
        let server = await startServer({ args, port });
        try {
          const machine = await createMachine(server, "in-parts", { StartAt: "Only", States: { Only: { Type: "Pass", End: true } } });
          const page = await open();
          await page.goto(`${server.console}machines/${machine}`);
          await page.getByText("has not been started yet").waitFor();
          await server.kill9();
          await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
          await (await see(page, "tab", "Definition")).click();
          await page.getByText("This part could not be loaded").waitFor();
          await see(page, "button", "Load the page anew");
          server = await startServer({ args, port });
          await page.locator(".react-flow__node").filter({ hasText: "Only" }).waitFor();
        } finally {
          await server.stop();
        }
      },
    },
  ];
}
