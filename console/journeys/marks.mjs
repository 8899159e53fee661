/**
 * What the console must reach, measured. Each mark is measured several times; the median counts. A run of
 * all journeys asks for no more than `slack` times the mark, for machines have other things to do.
 */

import { readFileSync } from "node:fs";
import { request } from "node:http";
import { chain, MANY } from "./definitions.mjs";
import { createMachine, file, median, PATIENCE_MS, see, settled, start, startServer, until } from "./harness.mjs";

const CLOCK_TICKS_PER_SECOND = 100;
/** How long the idle streams are watched. */
const IDLE_MS = 4_000;
const IDLE_STREAMS = 50;

export async function marks({ runs, slack }) {
  let prepared;
  const prepare = () => (prepared ??= makeWorld());
  const mark = (what, limit, unit, measure, once = false) => ({
    name: `mark: ${what} (under ${limit} ${unit})`,
    walk: async (open) => {
      const world = await prepare();
      const measured = [];
      for (let run = 0; run < (once ? 1 : runs); run += 1) measured.push(await measure(world, open));
      const value = median(measured);
      const text = `${value.toFixed(value < 10 ? 1 : 0)} ${unit}${value > limit ? " OVER THE MARK" : ""}`;
      if (value > limit * slack) throw new Error(`${text}, of ${measured.map((each) => each.toFixed(1)).join(", ")}`);
      return text;
    },
  });
  return [
    mark("first load, gzipped", 250, "kB", firstLoadBytes, true),
    mark("first load", 1_000, "ms", firstLoadMs),
    mark("a status change is on the screen", 500, "ms", statusChangeMs),
    mark("graph of 34 states", 150, "ms", graph("again", "of34")),
    mark("the first graph of 34 states, with the code for it", 500, "ms", graph("first", "of34")),
    mark("graph of 1,000 states", 2_500, "ms", graph("first", "of1000")),
    mark("longest time a graph of 1,000 states blocks the page", 300, "ms", graph("longest", "of1000")),
    mark("history of 25,000 events, jump to the end", 200, "ms", jumpMs),
    mark("a Map of 10,000 iterations opens", 500, "ms", mapMs),
    mark(`${IDLE_STREAMS} idle streams, of one core`, 2, "%", idlePercent, true),
  ];
}

async function makeWorld() {
  const config = file("limits.toml", "[limits]\nhistory_events_max = 200000\n");
  const server = await startServer({ args: ["--ephemeral", "--config", config] });
  const run = async (name, definition, input) => {
    const arn = await start(server, await createMachine(server, name, definition), input, name);
    await settled(server, arn, "SUCCEEDED");
    return arn;
  };
  await server.call("CreateActivity", { name: "answer" });
  return {
    server,
    of34: await run("of-34", chain(34), {}),
    of1000: await run("of-1000", chain(1_000), {}),
    events: await run("of-25000-events", plain(6_200), {}),
    iterations: await run("of-10000-iterations", plain(10_000), {}),
    waiting: await createMachine(server, "waiting", { StartAt: "Ask", States: { Ask: { Type: "Task", Resource: "arn:aws:states:us-east-1:000000000000:activity:answer", End: true } } }),
    idle: await start(server, await createMachine(server, "idle", { StartAt: "Hold", States: { Hold: { Type: "Wait", Seconds: 86_400, End: true } } })),
  };
}

/** A Map of `count` iterations of a Pass: four events each. */
function plain(count) {
  const [map] = Object.values(MANY.States);
  return { QueryLanguage: "JSONata", StartAt: "Each line", States: { "Each line": { Type: map.Type, Items: `{% [1..${count}] %}`, ItemProcessor: { StartAt: "Fine", States: { Fine: { Type: "Pass", End: true } } }, Output: {}, End: true } } };
}

async function firstLoadBytes({ server }, open) {
  const page = await open();
  let bytes = 0;
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto(server.console);
  await see(page, "heading", "Dashboard");
  await page.locator(".figures").waitFor();
  return bytes / 1_000;
}

async function firstLoadMs({ server }, open) {
  const page = await open();
  await page.goto(server.console);
  await page.locator(".figures").waitFor();
  // When what matters was first painted, as the page itself counts.
  return page.evaluate(() => Math.max(...performance.getEntriesByType("paint").map(({ startTime }) => startTime), ...performance.getEntriesByType("resource").map(({ responseEnd }) => responseEnd)));
}

async function statusChangeMs({ server, waiting }, open) {
  const arn = await start(server, waiting);
  const activityArn = "arn:aws:states:us-east-1:000000000000:activity:answer";
  const { taskToken } = await until(async () => {
    const task = await server.call("GetActivityTask", { activityArn, workerName: "marks" });
    return task.taskToken && task;
  }, "the task");
  const page = await open();
  await page.goto(`${server.console}executions/${arn}`);
  await see(page, "treeitem", /^Ask, Task, In progress/);
  await page.locator(".execution-head").getByText("live", { exact: true }).waitFor();
  const seen = page.evaluate(() => new Promise((resolve) => {
    const look = () => (/Succeeded/.test(document.querySelector(".execution-head")?.textContent ?? "") ? resolve(performance.timeOrigin + performance.now()) : requestAnimationFrame(look));
    look();
  }));
  await server.call("SendTaskSuccess", { taskToken, output: "{}" });
  const at = await seen;
  const { stopDate } = await server.call("DescribeExecution", { executionArn: arn });
  return Math.max(0, at - stopDate * 1_000);
}

/**
 * From choosing the graph until its states are drawn: `first` with the code for graphs still to be loaded,
 * `again` after another part of the page was looked at. Both lay it out anew.
 */
async function openGraph(server, arn, open) {
  const page = await open();
  await page.goto(`${server.console}executions/${arn}?tab=io`);
  await see(page, "tab", "Graph");
  await page.locator(".execution-head").getByText("Succeeded").waitFor();
  return page.evaluate(async (patience) => {
    let longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: "longtask" });
    const choose = (name) => [...document.querySelectorAll("[role=tab]")].find(({ textContent }) => textContent === name).click();
    const shown = (wanted) => new Promise((resolve, reject) => {
      const begun = performance.now();
      const look = () => {
        if ((document.querySelector(".react-flow__node") !== null) === wanted) return resolve(performance.now() - begun);
        if (performance.now() - begun > patience) return reject(new Error(`no state of the graph is to be seen after ${patience} ms`));
        return requestAnimationFrame(look);
      };
      look();
    });
    choose("Graph");
    const first = await shown(true);
    choose("Input & output");
    await shown(false);
    choose("Graph");
    const again = await shown(true);
    // Long tasks are told of with some delay.
    await new Promise((resolve) => setTimeout(resolve, 500));
    return { first, again, longest };
  }, PATIENCE_MS);
}

const graph = (what, of) => async (world, open) => (await openGraph(world.server, world[of], open))[what];

async function jumpMs({ server, events }, open) {
  const page = await open();
  await page.goto(`${server.console}executions/${events}?tab=events`);
  const list = await see(page, "list", "Events");
  await until(async () => Number(await list.getByRole("listitem").first().getAttribute("aria-setsize")) > 24_000, "all events to be there");
  return list.evaluate((shown) => new Promise((resolve) => {
    const count = Number(shown.querySelector("[role=listitem]").getAttribute("aria-setsize"));
    let scroller = shown;
    while (scroller && scroller.scrollHeight <= scroller.clientHeight + 1) scroller = scroller.parentElement;
    const begun = performance.now();
    scroller.scrollTop = scroller.scrollHeight;
    const look = () => {
      if (shown.querySelector(`[aria-posinset="${count}"]`)) return resolve(performance.now() - begun);
      scroller.scrollTop = scroller.scrollHeight;
      requestAnimationFrame(look);
    };
    look();
  }));
}

async function mapMs({ server, iterations }, open) {
  const page = await open();
  await page.goto(`${server.console}executions/${iterations}?tab=io`);
  await page.locator(".execution-head").getByText("40,", { exact: false }).waitFor();
  await see(page, "tab", "Graph");
  // It is the only Map, so its iterations are there with the graph.
  return page.evaluate(() => new Promise((resolve) => {
    const begun = performance.now();
    [...document.querySelectorAll("[role=tab]")].find(({ textContent }) => textContent === "Graph").click();
    const look = () => (document.querySelector(".iterations [role=option]") ? resolve(performance.now() - begun) : requestAnimationFrame(look));
    look();
  }));
}

async function idlePercent({ server, idle }) {
  const streams = await Promise.all(Array.from({ length: IDLE_STREAMS }, (_, index) => new Promise((resolve, reject) => {
    const query = index % 2 === 0 ? `?executionArn=${encodeURIComponent(idle)}` : "";
    const headers = { Accept: "text/event-stream", Authorization: "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0" };
    const asked = request(`${server.url}/events${query}`, { headers, agent: false }, (answer) => {
      answer.once("data", () => resolve(asked));
      answer.resume();
      answer.on("error", () => undefined);
    });
    asked.on("error", reject);
    asked.end();
  })));
  const ticks = () => {
    const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const [before, begun] = [ticks(), Date.now()];
  // This is the measure itself: what the server does while nothing happens.
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const percent = ((ticks() - before) / CLOCK_TICKS_PER_SECOND / ((Date.now() - begun) / 1_000)) * 100;
  for (const stream of streams) stream.destroy();
  return percent;
}
