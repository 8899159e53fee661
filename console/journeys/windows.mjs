/** More windows of one browser than it has connections to a server. */

import { createMachine, openBeside, see, start, until } from "./harness.mjs";

const WINDOWS = 8;
/** How many of them have a stream of their own. */
const STREAMS = 4;

/** Something happens every 50 ms. */
const BUSY = {
  QueryLanguage: "JSONata",
  StartAt: "Hold",
  States: {
    Hold: { Type: "Wait", Timestamp: "{% $fromMillis($toMillis($states.context.State.EnteredTime) + 50) %}", Next: "Again" },
    Again: { Type: "Choice", Choices: [{ Condition: "{% $states.input.enough = true %}", Next: "Done" }], Default: "Hold" },
    Done: { Type: "Succeed" },
  },
};

export function windows({ server }) {
  return [
    {
      name: `${WINDOWS} windows of one browser: each shows its execution live, and another page opens`,
      walk: async (open) => {
        const quiet = await createMachine(server, "watched", { StartAt: "Hold", States: { Hold: { Type: "Wait", Seconds: 86_400, End: true } } });
        const busy = await createMachine(server, "watched-and-busy", BUSY);
        const arns = [];
        // Those that have no stream of their own have something to read all the time.
        for (let window = 1; window <= WINDOWS; window += 1) arns.push(await start(server, window > STREAMS ? busy : quiet, {}, `watched-${window}`));
        const first = await open();
        const pages = [first];
        while (pages.length < WINDOWS) pages.push(await openBeside(first));
        for (const [window, page] of pages.entries()) {
          await page.goto(`${server.console}executions/${arns[window]}`);
          await see(page, "treeitem", /^Hold, Wait/);
        }
        const held = () => pages.at(-1).evaluate(async () => (await navigator.locks.query()).held.length);
        await until(async () => (await held()) === STREAMS, "all streams to be taken");
        for (const [window, page] of [...pages.entries()].reverse()) {
          await server.call("StopExecution", { executionArn: arns[window] });
          await page.locator(".execution-head").getByText("Aborted").waitFor();
        }
        const list = await openBeside(first);
        await list.goto(`${server.console}machines/${quiet}`);
        await see(list, "link", `watched-${STREAMS}`);
        await first.close();
        await until(async () => (await held()) === STREAMS, "another window to take the stream of one that was closed");
      },
    },
  ];
}
