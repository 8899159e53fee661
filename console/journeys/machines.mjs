/** State machines: what changed from one revision to the next, and Express ones. */

import { writeFileSync } from "node:fs";
import { held, one } from "./definitions.mjs";
import { check, createMachine, see, settled, start, until } from "./harness.mjs";

export function machines({ server, functions }) {
  return [
    {
      name: "diff of two revisions",
      walk: async (open) => {
        const stateMachineArn = await createMachine(server, "revised", { StartAt: "Read", States: { Read: { Type: "Pass", Next: "Write" }, Write: { Type: "Pass", End: true } } });
        await server.call("UpdateStateMachine", { stateMachineArn, definition: JSON.stringify({ StartAt: "Read", States: { Read: { Type: "Pass", Next: "Check" }, Check: { Type: "Wait", Seconds: 1, Next: "Write" }, Write: { Type: "Pass", End: true } } }) });
        const page = await open();
        await page.goto(`${server.console}machines/${stateMachineArn}`);
        await (await see(page, "tab", "Revisions")).click();
        const panel = page.getByRole("tabpanel").first();
        await panel.getByText("INITIAL").waitFor();
        await panel.locator(".text-diff").getByText('"Check"', { exact: false }).first().waitFor();
        await (await see(panel, "button", "Graph")).click();
        await panel.locator(".react-flow__node").filter({ hasText: "Check" }).first().waitFor();
      },
    },
    {
      name: "the page of a version: its own definition and heading",
      walk: async (open) => {
        const stateMachineArn = await createMachine(server, "versioned", one("Old", { Type: "Pass" }));
        const { stateMachineVersionArn } = await server.call("PublishStateMachineVersion", { stateMachineArn });
        await server.call("UpdateStateMachine", { stateMachineArn, definition: JSON.stringify(one("New", { Type: "Pass" })) });
        const page = await open();
        await page.goto(`${server.console}machines/${stateMachineVersionArn}?tab=definition`);
        await see(page, "heading", "versioned, version 1");
        await page.locator(".react-flow__node").filter({ hasText: "Old" }).waitFor();
      },
    },
    {
      name: "a start takes the input of an earlier execution, and a filter holds for a whole name too",
      walk: async (open) => {
        const stateMachineArn = await createMachine(server, "copied", one("Only", { Type: "Pass" }));
        for (const name of ["first", "second"]) await settled(server, await start(server, stateMachineArn, { from: "the first" }, name), "SUCCEEDED");
        const page = await open();
        await page.goto(`${server.console}machines/${stateMachineArn}?status=FAILED&q=first`);
        await page.getByText("No execution matches these filters").waitFor();
        await (await see(page, "button", "Show all")).click();
        await (await see(page, "button", "Start execution")).click();
        const dialog = await see(page, "dialog", "Start execution");
        const earlier = dialog.getByLabel("Copy the input of an execution");
        const input = dialog.getByLabel("Input", { exact: true });
        // An equal input, and one that is known already.
        for (const name of [/^first/, /^second/, /^first/]) {
          await input.fill("{}");
          await earlier.selectOption(await earlier.getByRole("option", { name }).getAttribute("value"));
          await until(async () => (await input.inputValue()).includes("the first"), `the input of ${name} to be copied`);
        }
      },
    },
    {
      name: "activities: create, look at, delete",
      walk: async (open) => {
        const page = await open();
        await page.goto(server.console);
        await (await see(page, "link", "Activities")).click();
        await (await see(page, "button", "Create activity")).click();
        const dialog = await see(page, "dialog", "Create activity");
        await dialog.getByLabel("Name").fill("count-stock");
        await dialog.getByRole("button", { name: "Create", exact: true }).click();
        await (await see(page, "link", "count-stock")).click();
        await page.waitForURL("**/activities/arn:*:activity:count-stock");
        await see(page, "heading", "count-stock");
        await (await see(page, "button", "Delete")).click();
        await (await see(page, "dialog", "Delete activity")).getByRole("button", { name: "Delete", exact: true }).click();
        await page.waitForURL("**/activities");
        await page.getByRole("link", { name: "count-stock", exact: true }).waitFor({ state: "hidden" });
        await page.goBack();
        await see(page, "heading", "There is no such activity");
        check((await page.getByRole("button", { name: "Delete" }).count()) === 0, "what is deleted is not offered to be deleted");
      },
    },
    {
      name: "Express: start, wait for the result, see every step",
      walk: async (open) => {
        const stateMachineArn = await createMachine(server, "quick", one("Add", { Type: "Pass", QueryLanguage: "JSONata", Output: "{% $states.input.a + $states.input.b %}" }), { type: "EXPRESS" });
        const page = await open();
        await page.goto(`${server.console}machines/${stateMachineArn}`);
        await (await see(page, "button", "Start execution")).click();
        const dialog = await see(page, "dialog", "Start execution");
        await dialog.getByLabel("Input", { exact: true }).fill('{"a": 40, "b": 2}');
        await dialog.getByRole("button", { name: "Run", exact: true }).click();
        await dialog.getByRole("group", { name: "Output" }).getByText("42").waitFor();
        await (await see(dialog, "link", "Every step of it")).click();
        await see(page, "treeitem", /^Add, Pass, Succeeded/);
      },
    },
    {
      name: "Express: only start it, wait for it on its page, see it by the definition that it ran",
      walk: async (open) => {
        const stateMachineArn = await createMachine(server, "slower", held("Breathe", "breathed"), { type: "EXPRESS" });
        const page = await open();
        await page.goto(`${server.console}machines/${stateMachineArn}`);
        await (await see(page, "button", "Start execution")).click();
        const dialog = await see(page, "dialog", "Start execution");
        await dialog.getByLabel("Only start it").check();
        await dialog.getByRole("button", { name: "Start", exact: true }).click();
        await see(page, "heading", "The execution is running");
        const link = await see(page, "link", "Go to its state machine");
        await link.focus();
        for (let asked = 0; asked < 2; asked += 1) await page.waitForResponse((answer) => answer.request().headers()["x-amz-target"] === "Stepwell.DescribeExpressExecution");
        check(await link.evaluate((at) => at === document.activeElement), "to ask again leaves the keyboard where it is");
        await server.call("UpdateStateMachine", { stateMachineArn, definition: JSON.stringify(one("Other", { Type: "Pass" })) });
        writeFileSync(`${functions}/shop/breathed`, "");
        await see(page, "treeitem", /^Breathe, Task, Succeeded/);
      },
    },
    {
      name: "Express: without its history it has a definition still",
      walk: async (open) => {
        const stateMachineArn = await createMachine(server, "unread", one("Only", { Type: "Pass" }), { type: "EXPRESS" });
        const { executionArn } = await server.call("StartSyncExecution", { stateMachineArn });
        const page = await open();
        await page.route("**/*", async (route) => {
          if (route.request().headers()["x-amz-target"] === "Stepwell.GetExpressExecutionHistory") await route.fulfill({ status: 400, body: '{"__type": "ValidationException", "message": "not now"}' });
          else await route.continue();
        });
        await page.goto(`${server.console}executions/${executionArn}`);
        await page.getByText("The history could not be read").waitFor();
        await see(page, "treeitem", /^Only, Pass, not entered/);
      },
    },
  ];
}
