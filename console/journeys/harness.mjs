/**
 * What the journeys stand on: the real server, the real browser, a small API client, and a list that
 * prints what passed.
 *
 * Nothing here sleeps for a while and hopes: what is waited for is a condition, with a limit of time.
 */

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BINARY = process.env.STEPWELL_BINARY ?? join(HERE, "../../target/debug/stepwell");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const CHROMIUM_ARGS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** How long anything may take that is waited for, in milliseconds. */
export const PATIENCE_MS = 15_000;
/** How often a condition is looked at. */
const LOOK_MS = 25;
export const ROLE = "arn:aws:iam::000000000000:role/journeys";
export const TMP = mkdtempSync(join(tmpdir(), "stepwell-journeys-"));

/** Complains of what the journeys need and is not there. */
export function missing() {
  if (!existsSync(CHROMIUM)) return `There is no Chromium at ${CHROMIUM}: install it, or name another in CHROMIUM.`;
  if (!existsSync(BINARY)) return `There is no server at ${BINARY}: build it, or name another in STEPWELL_BINARY.`;
  return undefined;
}

// ---- the server

const running = new Set();

/** A copy of the functions' folder, so that a journey may change it. */
export function functionsFolder(name) {
  const folder = join(TMP, `functions-${name}`);
  cpSync(join(HERE, "functions"), folder, { recursive: true });
  return folder;
}

/** Writes a file into the folder of this run and says where it is. */
export function file(name, text, mode = 0o600) {
  const path = join(TMP, name);
  writeFileSync(path, text, { mode });
  return path;
}

/** A port that nobody uses now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createNetServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts a server and waits until it listens. `args` are those of `stepwell serve`. */
export async function startServer({ args = ["--ephemeral"], port = 0 } = {}) {
  const child = spawn(BINARY, ["serve", "--listen", `127.0.0.1:${port}`, "--log-format", "json", ...args], { stdio: ["ignore", "pipe", "pipe"], detached: false });
  const server = { pid: child.pid, log: "", url: "", child };
  running.add(server);
  child.stderr.setEncoding("utf8").on("data", (text) => {
    server.log += text;
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  server.url = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      said += text;
      const found = /listening on (https?:\/\/\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    gone.then(() => reject(new Error(`the server ended before it listened:\n${server.log}`)));
  });
  const end = async (signal) => {
    running.delete(server);
    child.kill(signal);
    await gone;
  };
  server.console = `${server.url}/console/`;
  server.stop = () => end("SIGTERM");
  server.kill9 = () => end("SIGKILL");
  server.call = (operation, request = {}) => callServer(server.url, operation, request);
  return server;
}

async function callServer(url, operation, request) {
  const answer = await fetch(`${url}/`, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.0",
      "X-Amz-Target": operation.startsWith("Stepwell.") ? operation : `AWSStepFunctions.${operation}`,
      Authorization: "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0",
    },
    body: JSON.stringify(request),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${operation}: ${body.__type} ${body.message ?? ""}`);
  return body;
}

/** Creates a state machine; gives back its ARN. */
export async function createMachine(server, name, definition, more = {}) {
  const { stateMachineArn } = await server.call("CreateStateMachine", { name, roleArn: ROLE, definition: JSON.stringify(definition, null, 2), ...more });
  return stateMachineArn;
}

/** Starts an execution; gives back its ARN. */
export async function start(server, stateMachineArn, input = {}, name = undefined) {
  const { executionArn } = await server.call("StartExecution", { stateMachineArn, input: JSON.stringify(input), ...(name ? { name } : {}) });
  return executionArn;
}

/** Waits until an execution has a status. */
export function settled(server, executionArn, status) {
  return until(async () => {
    const execution = await server.call("DescribeExecution", { executionArn });
    return execution.status === status && execution;
  }, `${executionArn} to be ${status}`);
}

// ---- conditions

/** Waits until a function gives back something, and gives that back. */
export async function until(condition, what, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export function check(condition, what) {
  if (!condition) throw new Error(`it is not so that ${what}`);
}

export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

// ---- the browser

let browser;

export async function openBrowser() {
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  return browser;
}

/**
 * A page of its own, with no memory of others. What it prints or throws fails the journey, but for
 * answers with a status that is no success: browsers print those by themselves, and some are meant.
 */
export async function openPage({ theme = "light", width = 1280, height = 800, ...more } = {}) {
  const context = await (await openBrowser()).newContext({ viewport: { width, height }, colorScheme: theme, locale: "en-GB", timezoneId: "UTC", ...more });
  return openWindow(context, []);
}

/** Another window of the browser that a page is in; what it prints or throws counts as said by that page. */
export function openBeside(page) {
  return openWindow(page.context(), page.said);
}

async function openWindow(context, said) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.said = said;
  page.on("console", (message) => {
    if (!/^Failed to load resource/.test(message.text())) page.said.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.said.push(`thrown: ${error.message}`));
  return page;
}

/** What is on the page, by role and name, once it is to be seen. */
export async function see(scope, role, name, options = {}) {
  const locator = scope.getByRole(role, { name, ...options }).first();
  await locator.waitFor();
  return locator;
}

// ---- the list

const results = { passed: 0, failed: 0, skipped: 0 };

/** Takes one journey and prints how it went. `walk` gets a function that opens pages. */
export async function journey(name, walk) {
  const begun = Date.now();
  const pages = [];
  const open = async (options) => {
    const page = await openPage(options);
    pages.push(page);
    return page;
  };
  const seconds = () => `${((Date.now() - begun) / 1_000).toFixed(1)} s`;
  try {
    const note = await walk(open);
    const said = pages.flatMap((page) => page.said);
    check(said.length === 0, `the page printed nothing: ${said.join("; ").slice(0, 2_000)}`);
    results.passed += 1;
    console.log(`ok      ${name} (${seconds()})${note ? ` ${note}` : ""}`);
  } catch (error) {
    results.failed += 1;
    console.log(`FAILED  ${name} (${seconds()})\n        ${String(error.message).replaceAll("\n", "\n        ")}`);
    for (const [index, page] of pages.entries()) {
      const picture = join(TMP, `${name.replace(/[^a-z0-9]+/gi, "-")}-${index}.png`);
      await page.screenshot({ path: picture }).then(
        () => console.log(`        at ${page.url()}\n        screenshot: ${picture}`),
        () => console.log(`        at ${page.url()}, no screenshot`),
      );
    }
  }
  await Promise.all(pages.map((page) => page.context().close()));
}

/** Ends what was started, prints the sum, and says whether all is well. */
export async function finish() {
  await browser?.close();
  await Promise.all([...running].map((server) => server.stop()));
  if (results.failed === 0) rmSync(TMP, { recursive: true, force: true });
  console.log(`${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`);
  return results.failed === 0 && results.passed > 0;
}
