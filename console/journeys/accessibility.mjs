/** Both themes, and axe on every page in both. */

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { CHARGE, MANY, ORDER, order } from "./definitions.mjs";
import { check, createMachine, see, settled, start, until } from "./harness.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const GRAVE = ["serious", "critical"];

/** What axe finds that is serious, in words. */
async function findings(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async (grave) => {
    const { violations: found } = await window.axe.run(document, { resultTypes: ["violations"] });
    return found.filter(({ impact }) => grave.includes(impact)).map(({ id, help, nodes }) => `${id}: ${help} (${nodes.slice(0, 3).map(({ target }) => target.join(" ")).join("; ")})`);
  }, GRAVE);
  return violations;
}

export function accessibility({ server, functions: _ }) {
  let pages;
  const prepare = async () => {
    if (pages) return pages;
    const { activityArn } = await server.call("CreateActivity", { name: "approve-order" });
    const [orders, charge, many] = [await createMachine(server, "order-fulfilment", ORDER), await createMachine(server, "charge", CHARGE), await createMachine(server, "many-lines", MANY)];
    const failed = await start(server, charge, { orderId: "A-1", amount: 5_000, printer: "broken" });
    const { stateMachineVersionArn: version } = await server.call("PublishStateMachineVersion", { stateMachineArn: orders });
    const { stateMachineAliasArn: alias } = await server.call("CreateStateMachineAlias", { name: "prod", routingConfiguration: [{ stateMachineVersionArn: version, weight: 100 }] });
    const done = await start(server, orders, order(31));
    const waiting = await start(server, orders, order(32, { approve: true }));
    const wide = await start(server, many, { count: 50 });
    await settled(server, done, "SUCCEEDED");
    await settled(server, wide, "SUCCEEDED");
    pages = [
      ["the dashboard", "", "Recent failures"],
      ["the list of machines", "machines", "State machines"],
      ["a machine", `machines/${orders}`, "order-fulfilment"],
      ...["definition", "versions", "revisions", "tags", "settings"].map((tab) => [`a machine's ${tab}`, `machines/${orders}?tab=${tab}`, "order-fulfilment"]),
      ["a version", `machines/${version}`, "order-fulfilment, version 1"],
      ...["", "?tab=definition", "?start=1"].map((query) => [`an alias ${query}`, `machines/${alias}${query}`, query === "?start=1" ? "Start execution" : "order-fulfilment, alias prod"]),
      ["the start dialog", `machines/${orders}?start=1`, "Start execution"],
      ["the editor", `machines/${orders}/edit`, undefined],
      ["a new machine", "machines/new", undefined],
      ["a failed execution", `executions/${failed}`, undefined],
      ["a waiting execution", `executions/${waiting}?state=ApproveOrder`, "ApproveOrder"],
      ["a Map", `executions/${wide}?state=Each%20line`, "Each line"],
      ...["timeline", "table", "events", "io"].map((tab) => [`an execution's ${tab}`, `executions/${done}?tab=${tab}`, undefined]),
      ["the inbox", "inbox", "Waiting tasks"],
      ["the activities", "activities", "Activities"],
      ["an activity", `activities/${activityArn}`, "approve-order"],
      ["an address of nothing", "nothing/here", "There is nothing at this address"],
      ["Map Runs", "map-runs", "Map Runs are not there yet"],
      ["an execution that is not there", `executions/${done}x`, "There is no such execution"],
    ];
    return pages;
  };
  const themes = ["light", "dark"].map((theme) => ({
    name: `axe finds nothing serious on any page, ${theme}`,
    walk: async (open) => {
      const page = await open({ theme });
      const found = [];
      for (const [what, address, heading] of await prepare()) {
        await page.goto(server.console + address);
        await see(page, "main");
        if (heading) await see(page, "heading", heading);
        // Until nothing is being loaded any more.
        await page.waitForFunction(() => document.querySelector("main")?.textContent && !document.querySelector("main .spinner"));
        check((await page.evaluate(() => document.documentElement.dataset.theme)) === theme, "the theme is that of the system");
        for (const each of await findings(page)) found.push(`${what}: ${each}`);
      }
      check(found.length === 0, `axe finds nothing serious:\n${found.join("\n")}`);
    },
  }));
  return [
    ...themes,
    {
      name: "two themes: chosen by hand it stays, else it follows the system",
      walk: async (open) => {
        const page = await open({ theme: "light" });
        await page.goto(server.console);
        const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        await see(page, "heading", "Dashboard");
        const light = await background();
        await page.emulateMedia({ colorScheme: "dark" });
        await until(async () => (await background()) !== light, "the page to follow the system");
        await page.emulateMedia({ colorScheme: "light" });
        await until(async () => (await background()) === light, "the page to follow the system back");
        await (await see(page, "button", "Use the dark theme")).click();
        const dark = await background();
        check(dark !== light, "the button changes the theme");
        await page.reload();
        await see(page, "button", "Use the light theme");
        check((await background()) === dark, "the choice is kept");
      },
    },
  ];
}
