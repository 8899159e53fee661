/** The inbox: approvals completed and refused by hand. */

import { ORDER, order } from "./definitions.mjs";
import { check, createMachine, see, settled, start, until } from "./harness.mjs";

export function answers({ server }) {
  return [
    {
      name: "inbox: complete an approval that no worker has taken, with a note, and find the note in the log",
      walk: async (open) => {
        await server.call("CreateActivity", { name: "approve-order" });
        const machine = await createMachine(server, "approvals", ORDER);
        const arn = await start(server, machine, order(7, { approve: true }), "order-7");
        const page = await open();
        await page.goto(`${server.console}executions/${arn}`);
        await see(page, "treeitem", /^ApproveOrder, Task, In progress/);
        await (await see(page, "link", "Waiting tasks")).click();
        await (await see(page, "button", "Complete ApproveOrder of order-7")).click();
        const dialog = await see(page, "dialog", "Complete ApproveOrder");
        await dialog.getByText("Ada Lovelace").waitFor();
        await dialog.getByLabel("Output", { exact: true }).fill('{"approvedBy": "Grace" ');
        check(await dialog.getByRole("button", { name: "Complete" }).isDisabled(), "what is no JSON cannot be sent");
        await dialog.getByLabel("Output", { exact: true }).fill('{"approvedBy": "Grace"}');
        await dialog.getByLabel(/^Note/).fill("asked by telephone");
        await dialog.getByRole("button", { name: "Complete" }).click();
        await page.getByRole("status").getByText(/^Completed/).waitFor();
        const { output } = await settled(server, arn, "SUCCEEDED");
        check(JSON.parse(output).approval.approvedBy === "Grace", "the output went into the execution");
        const line = await until(() => server.log.split("\n").find((each) => each.includes("task_answered_by_hand") && each.includes("asked by telephone")), "the note in the log");
        check(line.includes(arn), "the log says which execution");
        await page.getByText("Nothing waits for an answer").waitFor();
      },
    },
    {
      name: "inbox: refuse one, complete several together, and hear of one that has ended",
      walk: async (open) => {
        await server.call("CreateActivity", { name: "approve-order" });
        const machine = await createMachine(server, "approvals", ORDER);
        const arns = [];
        for (const number of [21, 22, 23, 24]) arns.push(await start(server, machine, order(number, { approve: true }), `order-${number}`));
        const activityArn = "arn:aws:states:us-east-1:000000000000:activity:approve-order";
        for (const _ of arns.slice(0, 2)) await until(async () => (await server.call("GetActivityTask", { activityArn, workerName: "desk-3" })).taskToken, "a task for the worker");
        const page = await open();
        await page.goto(`${server.console}inbox`);
        await see(page, "button", "Fail ApproveOrder of order-24");
        const focused = () => page.evaluate(() => [...document.querySelectorAll(".tasks .title")].indexOf(document.activeElement));
        for (const [key, at] of [["j", 0], ["j", 1], ["k", 0]]) {
          await page.keyboard.press(key);
          check((await focused()) === at, `${key} goes to task ${at}`);
        }
        await (await see(page, "button", "Fail ApproveOrder of order-21")).click();
        const refusal = await see(page, "dialog", "Fail ApproveOrder");
        await refusal.getByLabel("Error").fill("OrderRefused");
        await refusal.getByLabel("Cause").fill("over the budget");
        await refusal.getByRole("button", { name: "Fail" }).click();
        const refused = await settled(server, arns[0], "FAILED");
        check(refused.error === "OrderRefused" && refused.cause === "over the budget", "the execution failed with what was typed");

        await (await see(page, "checkbox", "Select ApproveOrder of order-22")).check();
        await (await see(page, "checkbox", "Select ApproveOrder of order-23")).check();
        await (await see(page, "button", "Complete all")).click();
        await (await see(page, "dialog", "Complete 2 tasks")).getByRole("button", { name: "Complete 2 tasks" }).click();
        await settled(server, arns[1], "SUCCEEDED");
        await settled(server, arns[2], "SUCCEEDED");

        await (await see(page, "button", "Complete ApproveOrder of order-24")).click();
        const late = await see(page, "dialog", "Complete ApproveOrder");
        await server.call("StopExecution", { executionArn: arns[3] });
        await late.getByRole("button", { name: "Complete" }).click();
        await late.getByText("This task has ended meanwhile").waitFor();
      },
    },
  ];
}
