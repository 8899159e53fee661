/** State machines: what changed from one revision to the next, and Express ones. */

import { one } from "./definitions.mjs";
import { createMachine, see } from "./harness.mjs";

export function machines({ server }) {
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
        const stateMachineArn = await createMachine(server, "slower", one("Breathe", { Type: "Wait", Seconds: 2 }), { type: "EXPRESS" });
        const page = await open();
        await page.goto(`${server.console}machines/${stateMachineArn}`);
        await (await see(page, "button", "Start execution")).click();
        const dialog = await see(page, "dialog", "Start execution");
        await dialog.getByLabel("Only start it").check();
        await dialog.getByRole("button", { name: "Start", exact: true }).click();
        await see(page, "heading", "The execution is running");
        await server.call("UpdateStateMachine", { stateMachineArn, definition: JSON.stringify(one("Other", { Type: "Pass" })) });
        await see(page, "treeitem", /^Breathe, Wait, Succeeded/);
      },
    },
  ];
}
