/** Every view is an address: AWS's own, behind a prefix, and without the page before it. */

import { createServer, request } from "node:http";
import { one } from "./definitions.mjs";
import { check, createMachine, freePort, see, settled, start } from "./harness.mjs";

/** A proxy that takes a prefix off, as people put one before a server. */
async function prefixed(server, prefix) {
  const target = new URL(server.url);
  const port = await freePort();
  const proxy = createServer((from, to) => {
    if (!from.url.startsWith(`${prefix}/`)) {
      to.writeHead(404).end("nothing is here");
      return;
    }
    const host = `127.0.0.1:${target.port}`;
    const headers = { ...from.headers, host };
    if (headers.origin) headers.origin = `http://${host}`;
    const up = request({ host: "127.0.0.1", port: target.port, method: from.method, path: from.url.slice(prefix.length), headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    up.on("error", () => to.destroy());
    to.on("close", () => up.destroy());
    from.pipe(up);
  });
  await new Promise((resolve) => proxy.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${port}${prefix}`, stop: () => new Promise((resolve) => { proxy.closeAllConnections(); proxy.close(resolve); }) };
}

export function addresses({ server }) {
  const machineOf = () => createMachine(server, "linked", one("Only", { Type: "Pass" }));
  return [
    {
      name: "links in the shape of AWS's console lead to the same things here",
      walk: async (open) => {
        const machine = await machineOf();
        const arn = await start(server, machine, {}, "linked-to");
        const page = await open();
        await page.goto(`${server.url}/states/home?region=us-east-1#/v2/executions/details/${arn}`);
        await see(page, "heading", "linked-to");
        await page.goto("about:blank");
        await page.goto(`${server.url}/states/home?region=us-east-1#/statemachines/view/${encodeURIComponent(machine)}`);
        await see(page, "heading", "linked");
        await page.goto("about:blank");
        await page.goto(`${server.url}/states/home#/statemachines`);
        await see(page, "heading", "State machines");
        for (const [hash, heading] of [["/activities", "Activities"], ["/v2/map-runs/details/any", "Map Runs are not there yet"], ["/visual-editor", "Create state machine"]]) {
          await page.goto("about:blank");
          await page.goto(`${server.url}/states/home?region=us-east-1#${hash}`);
          await see(page, "heading", heading);
        }
        await page.goto("about:blank");
        await page.goto(`${server.url}/`);
        await see(page, "heading", "Dashboard");
        await page.goto(`${server.console}no/such/page`);
        await see(page, "heading", "There is nothing at this address");
        await (await see(page, "link", "Go to the dashboard")).click();
        await see(page, "heading", "Dashboard");
      },
    },
    {
      name: "behind a path prefix, live",
      walk: async (open) => {
        const proxy = await prefixed(server, "/tools/stepwell");
        try {
          const machine = await createMachine(server, "behind", { StartAt: "Soon", States: { Soon: { Type: "Wait", Seconds: 1, End: true } } });
          const page = await open();
          const strayed = [];
          page.on("request", (each) => {
            if (!each.url().startsWith(`${proxy.url}/`) && !each.url().startsWith("data:") && !each.url().startsWith("blob:")) strayed.push(each.url());
          });
          await page.goto(`${proxy.url}/console/machines/${machine}`);
          await see(page, "heading", "behind");
          const arn = await start(server, machine, {}, "behind-1");
          await (await see(page, "link", "behind-1")).click();
          await page.locator(".execution-head").getByText("Succeeded").waitFor();
          await page.reload();
          await see(page, "treeitem", /^Soon, Wait, Succeeded/);
          await page.goto(`${proxy.url}/states/home#/v2/executions/details/${arn}`);
          await see(page, "heading", "behind-1");
          check(page.url().startsWith(`${proxy.url}/console/`), "the prefix stays");
          check(strayed.length === 0, `nothing is asked for outside the prefix: ${strayed.join(", ")}`);
        } finally {
          await proxy.stop();
        }
      },
    },
    {
      name: "the dashboard keeps its period in the address, lists keep their filters",
      walk: async (open) => {
        const machine = await machineOf();
        await settled(server, await start(server, machine), "SUCCEEDED");
        const page = await open();
        await page.goto(server.console);
        await (await see(page, "button", "24 h")).click();
        await page.waitForURL("**/console/?period=24h");
        await page.reload();
        check((await (await see(page, "button", "24 h")).getAttribute("aria-pressed")) === "true", "the period is still chosen");
        await (await see(page, "link", "State machines")).click();
        await page.goBack();
        await see(page, "heading", "Dashboard");
        await page.waitForURL("**/console/?period=24h");
      },
    },
  ];
}
