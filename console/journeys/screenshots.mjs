/** Pictures of the main pages, for the README: with made-up orders, as alike from run to run as can be. */

import { mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CHARGE, ORDER, order } from "./definitions.mjs";
import { createMachine, functionsFolder, journey, see, settled, start, startServer, until } from "./harness.mjs";

const NAMES = ["Ada Lovelace", "Grace Hopper", "Mary Shelley", "Emmy Noether", "Lise Meitner"];

async function makeShop(server) {
  await server.call("CreateActivity", { name: "approve-order" });
  const orders = await createMachine(server, "order-fulfilment", ORDER);
  const charge = await createMachine(server, "invoice-run", CHARGE);
  const nightly = await createMachine(server, "nightly-report", { StartAt: "Collect", States: { Collect: { Type: "Pass", Next: "Write" }, Write: { Type: "Pass", End: true } } });
  await createMachine(server, "price-lookup", { StartAt: "Find", States: { Find: { Type: "Pass", End: true } } }, { type: "EXPRESS" });
  const done = [];
  for (let number = 4_001; number <= 4_040; number += 1) {
    const more = { customer: NAMES[number % NAMES.length], ...(number % 9 === 0 ? { printer: "broken" } : {}), ...(number % 13 === 0 ? { amount: 950 } : {}) };
    done.push(await start(server, orders, order(number, more), `order-${number}`));
  }
  for (let number = 1; number <= 12; number += 1) await start(server, charge, { orderId: `A-${number}`, amount: number % 5 === 0 ? 700 : 80 }, `invoice-${number}`);
  for (let number = 1; number <= 5; number += 1) await start(server, nightly, {}, `night-${number}`);
  for (const arn of done) await until(async () => (await server.call("DescribeExecution", { executionArn: arn })).status !== "RUNNING", "an order to end");
  for (let number = 4_041; number <= 4_045; number += 1) await start(server, orders, order(number, { approve: true, customer: NAMES[number % NAMES.length], amount: 390 }), `order-${number}`);
  const live = await start(server, orders, order(4_046, { courierSeconds: 86_400 }), "order-4046");
  await until(async () => (await server.call("GetExecutionHistory", { executionArn: live, maxResults: 1, reverseOrder: true })).events[0].type === "WaitStateEntered", "the order to wait for its courier");
  return { orders, live, failed: done.find((_, index) => (4_001 + index) % 9 === 0) };
}

/** An hour of a shop, which a run that makes pictures cannot live through: numbers for the charts, made up. */
async function makeUpMetrics(page) {
  await page.route((url) => url.pathname === "/", async (route) => {
    const asked = route.request();
    if (asked.headers()["x-amz-target"] !== "Stepwell.GetExecutionMetrics") return route.continue();
    const { startTime, endTime, periodSeconds } = asked.postDataJSON();
    const points = [];
    for (let timestamp = startTime; timestamp < endTime; timestamp += periodSeconds) {
      const at = (timestamp - startTime) / 60;
      const busy = Math.round(9 + 5 * Math.sin(at / 7) + 3 * Math.sin(at * 2.3));
      const [failed, timedOut, aborted] = [at % 11 === 4 ? 2 : at % 17 === 9 ? 1 : 0, at % 29 === 20 ? 1 : 0, at % 23 === 15 ? 1 : 0];
      const p50 = 620 + 90 * Math.sin(at / 5);
      points.push({
        timestamp,
        executionsStarted: busy + failed + timedOut + aborted, executionsSucceeded: busy, executionsFailed: failed, executionsTimedOut: timedOut, executionsAborted: aborted,
        executionsOpen: Math.round(6 + 4 * Math.sin(at / 9 + 1)),
        executionTime: { average: p50 * 1.2, p50, p99: 1_700 + 600 * Math.sin(at / 4) + (at % 11 === 4 ? 1_400 : 0), maximum: 4_000 },
      });
    }
    return route.fulfill({ json: { periodSeconds, points, openExecutions: 6, executionTime: { average: 780, p50: 640, p99: 2_900, maximum: 4_000 } } });
  });
}

export async function screenshots(folder) {
  const to = resolve(folder);
  mkdirSync(to, { recursive: true });
  const functions = functionsFolder("screenshots");
  const server = await startServer({ args: ["--ephemeral", "--functions", `${functions}/functions.toml`] });
  const { orders, live, failed } = await makeShop(server);
  await settled(server, failed, "FAILED");
  const graph = (page) => page.locator(".react-flow__node").first().waitFor();
  const pages = [
    ["dashboard", "", (page) => see(page, "slider", "Durations over time")],
    ["machines", "machines", (page) => see(page, "link", "order-fulfilment")],
    ["machine", `machines/${orders}?tab=definition`, graph],
    ["machine-executions", `machines/${orders}`, (page) => see(page, "link", "order-4046")],
    ["execution-live", `executions/${live}?state=WaitForCourier`, async (page) => {
      // The first picture of the README: all of the graph.
      await page.setViewportSize({ width: 1_600, height: 1_060 });
      await graph(page);
      await (await see(page, "button", "Fit View")).click();
    }],
    ["execution-failed", `executions/${failed}`, graph],
    ["timeline", `executions/${live}?tab=timeline`, (page) => see(page, "main")],
    ["events", `executions/${failed}?tab=events`, (page) => see(page, "list", "Events")],
    ["data-flow", `executions/${live}?state=ChargeCard`, async (page) => {
      await graph(page);
      await (await see(page, "tab", "Data flow")).click();
    }],
    ["inbox", "inbox", (page) => see(page, "button", /^Complete/)],
    ["editor", `machines/${orders}/edit`, async (page) => {
      await page.locator(".cm-content").first().waitFor();
      await graph(page);
    }],
  ];
  for (const theme of ["light", "dark"]) {
    for (const [name, address, ready] of pages) {
      if (theme === "dark" && !["dashboard", "execution-live"].includes(name)) continue;
      const file = join(to, `${name}${theme === "dark" ? "-dark" : ""}.png`);
      await journey(`picture of ${name}, ${theme}`, async (open) => {
        const page = await open({ theme, reducedMotion: "reduce" });
        if (name === "dashboard") await makeUpMetrics(page);
        await page.goto(server.console + address);
        await ready(page);
        await page.waitForFunction(() => !document.querySelector("main .spinner"));
        await page.evaluate(() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))));
        await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
        return `${Math.round(statSync(file).size / 1_000)} kB`;
      });
    }
  }
}
