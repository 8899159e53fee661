/** From a definition to an execution, from a failure to its cause, and on after it was mended. */

import { rmSync, writeFileSync } from "node:fs";
import { CHARGE, held, ORDER, order, SLOW } from "./definitions.mjs";
import { check, createMachine, see, settled, start, until } from "./harness.mjs";

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
      name: "the graph follows what runs until it is moved; on a phone a state that is tapped is told of in sight",
      walk: async (open) => {
        const names = [...Array(12).keys()].map((at) => `Step ${at}`);
        const states = [...names, "Early", ...names.map((name) => `${name} again`), "Late"];
        const definition = { StartAt: states[0], States: Object.fromEntries(states.map((name, at) => [name, { Type: "Pass", ...(at + 1 < states.length ? { Next: states[at + 1] } : { End: true }) }])) };
        definition.States.Early = { ...definition.States.Early, Type: "Wait", Seconds: 4 };
        definition.States.Late = { ...definition.States.Late, Type: "Wait", Seconds: 600 };
        const arn = await start(server, await createMachine(server, "followed", definition));
        const page = await open();
        await page.goto(`${server.console}executions/${arn}`);
        const shown = (name) => page.locator(".graph-state").getByText(name, { exact: true }).waitFor();
        await shown("Early");
        await shown("Late");
        const follow = page.getByRole("button", { name: "Follow" });
        check((await follow.count()) === 0, "nothing to go back to while it follows");
        await page.locator(".graph-state").getByText("Late", { exact: true }).hover();
        for (let turn = 0; turn < 5; turn += 1) await page.mouse.wheel(0, -400);
        await page.mouse.move(700, 500);
        await page.mouse.down();
        await page.mouse.move(700, 780, { steps: 5 });
        await page.mouse.move(1000, 790, { steps: 5 });
        await page.mouse.up();
        await follow.click();
        await shown("Late");
        await follow.waitFor({ state: "detached" });

        const phone = await open({ width: 390, height: 844, hasTouch: true, isMobile: true });
        await phone.goto(`${server.console}executions/${arn}`);
        await (await see(phone, "treeitem", /^Late, Wait/)).tap();
        await until(() => phone.locator("#inspector").evaluate((inspector) => inspector.getBoundingClientRect().top < window.innerHeight - 150), "what is told of the state to come into sight");
        await phone.locator(".graph-state").getByText("Late", { exact: true }).tap();
        await until(() => phone.locator("#inspector").evaluate((inspector) => inspector.getBoundingClientRect().top < window.innerHeight - 150), "the same from the graph");
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
