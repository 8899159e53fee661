/** From a definition to an execution, from a failure to its cause, and on after it was mended. */

import { rmSync, writeFileSync } from "node:fs";
import { CHARGE, held, ORDER, order, SLOW } from "./definitions.mjs";
import { check, createMachine, see, settled, start } from "./harness.mjs";

export function repair({ server, functions }) {
  const mended = `${functions}/shop/mended`;
  return [
    {
      name: "create a machine in the editor, with a mistake that is told first",
      walk: async (open) => {
        const page = await open();
        await page.goto(server.console);
        await (await see(page, "link", "Create state machine")).click();
        await page.waitForURL("**/console/machines/new**");
        await page.getByLabel("Name", { exact: true }).fill("greetings");
        const write = async (definition) => {
          await page.getByRole("textbox", { name: "Definition" }).click();
          await page.keyboard.press("ControlOrMeta+a");
          await page.keyboard.insertText(JSON.stringify(definition, null, 2));
        };
        await write({ StartAt: "Hello", States: { Hello: { Type: "Wait", Seconds: 1, Next: "Nowhere" } } });
        const problems = await see(page, "region", "Problems");
        // The place is told, and leads there.
        await (await see(problems, "button", /Nowhere/)).click();
        await problems.getByText(/[1-9] error/).waitFor();
        await page.keyboard.press("Escape");
        await write({ StartAt: "Hello", States: { Hello: { Type: "Wait", Seconds: 1, Next: "Goodbye" }, Goodbye: { Type: "Pass", End: true } } });
        await problems.getByText("No problems").waitFor();
        await (await see(page, "button", "Create", { exact: true })).click();
        const dialog = await see(page, "dialog", "Create state machine");
        await dialog.getByRole("button", { name: "Create", exact: true }).click();
        await see(page, "heading", "greetings");
        const { definition } = await server.call("DescribeStateMachine", { stateMachineArn: "arn:aws:states:us-east-1:000000000000:stateMachine:greetings" });
        check(JSON.parse(definition).States.Hello.Seconds === 1, "the second text was created");
      },
    },
    {
      name: "start it and watch it run",
      walk: async (open) => {
        const page = await open();
        await page.goto(`${server.console}machines`);
        await (await see(page, "link", "greetings")).click();
        await (await see(page, "button", "Start execution")).click();
        const dialog = await see(page, "dialog", "Start execution");
        await dialog.getByLabel("Input", { exact: true }).fill('{"to": "world"}');
        await dialog.getByRole("button", { name: "Start", exact: true }).click();
        await page.waitForURL("**/console/executions/**");
        await see(page, "treeitem", /^Hello, Wait, In progress/);
        await see(page, "treeitem", /^Goodbye, Pass, not entered/);
        await see(page, "treeitem", /^Goodbye, Pass, Succeeded/);
        await page.locator(".execution-head").getByText("Succeeded").waitFor();
      },
    },
    {
      name: "the cause of a failure is two clicks from the start page; mended, it goes on",
      walk: async (open) => {
        rmSync(mended, { force: true });
        const machine = await createMachine(server, "charge", CHARGE);
        const arn = await start(server, machine, { orderId: "A-4711", amount: 950 }, "order-4711");
        await settled(server, arn, "FAILED");
        const page = await open();
        let clicks = 0;
        await page.goto(server.console);
        // No click: the dashboard tells the cause itself.
        await page.getByText("was declined: 950 is over its limit").waitFor();
        await (await see(page, "link", "order-4711")).click();
        clicks += 1;
        const why = await see(page, "region", "Why it failed");
        await why.getByText("was declined: 950 is over its limit").waitFor();
        await see(page, "region", "State ChargeCard");
        await see(page, "treeitem", /^ChargeCard, Task, Failed/, { selected: true });
        check(clicks <= 2, "two clicks are enough");

        writeFileSync(mended, "");
        await (await see(page, "button", "Redrive")).click();
        await (await see(await see(page, "dialog", "Redrive the execution"), "button", "Redrive")).click();
        await page.locator(".execution-head").getByText("Succeeded").waitFor();
        await page.locator(".execution-head").getByText("1 time").waitFor();
        await see(page, "treeitem", /^ChargeCard, Task, Succeeded/);
        check((await page.getByRole("region", { name: "Why it failed" }).count()) === 0, "nothing failed any more");
        return `${clicks} click`;
      },
    },
    {
      name: "stop an execution",
      walk: async (open) => {
        const machine = await createMachine(server, "hold", SLOW);
        await start(server, machine, {}, "to-be-stopped");
        const page = await open();
        await page.goto(`${server.console}machines/${machine}`);
        await (await see(page, "link", "to-be-stopped")).click();
        await (await see(page, "button", "Stop")).click();
        const dialog = await see(page, "dialog", "Stop the execution");
        await dialog.getByLabel("Error").fill("NotNeeded");
        await dialog.getByLabel("Cause").fill("the order was cancelled");
        await dialog.getByRole("button", { name: "Stop it" }).click();
        await page.locator(".execution-head").getByText("Aborted").waitFor();
        await (await see(page, "region", "Why it failed")).getByText("the order was cancelled").waitFor();
        await see(page, "treeitem", /^Hold, Wait, Aborted/);
      },
    },
    {
      name: "the test of a state keeps what was typed while its execution goes on",
      walk: async (open) => {
        const arn = await start(server, await createMachine(server, "tested", held("Work", "worked")), {}, "goes-on");
        const page = await open();
        await page.goto(`${server.console}executions/${arn}?state=Work`);
        await (await see(page, "button", "Test this state")).click();
        const input = (await see(page, "dialog", "Test Work")).getByLabel("Input of the state");
        await input.fill('{"mine": true}');
        writeFileSync(`${functions}/shop/worked`, "");
        await page.locator(".execution-head").getByText("Succeeded").waitFor();
        await page.locator("#step-panel").getByText("Output").first().waitFor();
        check((await input.inputValue()) === '{"mine": true}', "what was typed is still there");
      },
    },
    {
      name: "watch an order go through Map, Parallel and Choice",
      walk: async (open) => {
        await server.call("CreateActivity", { name: "approve-order" });
        const machine = await createMachine(server, "order-fulfilment", ORDER);
        const page = await open();
        const arn = await start(server, machine, order(1, { courierSeconds: 3 }), "order-1");
        await page.goto(`${server.console}executions/${arn}`);
        await see(page, "treeitem", /^WaitForCourier, Wait, In progress/);
        await page.locator(".execution-head").getByText("Succeeded").waitFor();
        await see(page, "treeitem", /^ApproveOrder, Task, not entered/);
        await see(page, "treeitem", /^PriceLine, Task, Succeeded/);
        for (const tab of ["Timeline", "Table", "Events", "Input & output", "Graph"]) {
          await (await see(page, "tab", tab)).click();
          await page.locator("[role=tabpanel]").first().getByText(/\S/).first().waitFor();
        }
      },
    },
  ];
}
