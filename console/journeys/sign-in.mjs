/** A server with credentials: who may look, and what a foreign page cannot do. */

import { check, createMachine, file, see, startServer, until } from "./harness.mjs";
import { one } from "./definitions.mjs";

const KEY = "AKIAJOURNEYS0000001";
const SECRET = "a-secret-of-forty-characters-or-so-1234567";

export function signIn() {
  return [
    {
      name: "sign-in: wrong secret, right secret, cookie, CSRF token, expiry, sign out",
      walk: async (open) => {
        file("policy.json", JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "states:*", Resource: "*" }] }));
        const credentials = file("credentials.toml", `[[key]]\naccess_key_id = "${KEY}"\nsecret_access_key = "${SECRET}"\naccount = "123456789012"\nuser = "grace"\npolicies = ["policy.json"]\n`);
        const server = await startServer({ args: ["--ephemeral", "--credentials", credentials] });
        try {
          const page = await open();
          await page.goto(`${server.console}inbox`);
          await see(page, "heading", "Sign in to Stepwell");
          await page.getByLabel("Access key id").fill(KEY);
          await page.getByLabel("Secret access key").fill("not-this-one-but-long-enough-000000000000");
          await (await see(page, "button", "Sign in")).click();
          await page.getByRole("alert").getByText("You are not signed in").waitFor();

          await page.getByLabel("Secret access key").fill(SECRET);
          await (await see(page, "button", "Sign in")).click();
          await see(page, "heading", "Waiting tasks");
          check(new URL(page.url()).pathname.endsWith("/console/inbox"), "whoever signs in is where they wanted to be");
          await page.getByText("grace").first().waitFor();

          const [cookie] = await page.context().cookies();
          check(cookie.name.startsWith("stepwell_session_") && cookie.httpOnly && cookie.sameSite === "Strict", `the cookie is HttpOnly and SameSite=Strict: ${JSON.stringify({ ...cookie, value: "" })}`);
          const status = await page.evaluate(async () => {
            const headers = { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.ListStateMachines" };
            const session = await (await fetch("session")).json();
            const ask = async (more) => (await fetch("../", { method: "POST", headers: { ...headers, ...more }, body: "{}" })).status;
            return { without: await ask({}), wrong: await ask({ "X-Stepwell-Csrf": "guessed" }), right: await ask({ "X-Stepwell-Csrf": session.csrfToken }) };
          });
          check(status.without === 403 && status.wrong === 403 && status.right === 200, `a call needs the token besides the cookie: ${JSON.stringify(status)}`);

          // The session goes away under the page: work stays, and goes on.
          await (await see(page, "link", "State machines")).click();
          await see(page, "heading", "State machines");
          const here = page.url();
          await page.context().clearCookies();
          await page.reload();
          await see(page, "heading", "Sign in to Stepwell");
          await page.getByLabel("Access key id").fill(KEY);
          await page.getByLabel("Secret access key").fill(SECRET);
          await (await see(page, "button", "Sign in")).click();
          await see(page, "heading", "State machines");
          check(page.url() === here, "the address is the same after signing in");
          await page.reload();
          await (await see(page, "link", "Waiting tasks")).click();
          await page.getByText("Nothing waits for an answer").waitFor();
          await page.context().clearCookies();
          // The page asks again by itself.
          const again = await see(page, "dialog", "Your sign-in has expired");
          check((await again.getByLabel("Access key id").inputValue()) === KEY, "the key id is still known");
          await again.getByLabel("Secret access key").fill(SECRET);
          await (await see(again, "button", "Sign in")).click();
          await again.waitFor({ state: "hidden" });
          await page.getByText("Nothing waits for an answer").waitFor();
          await (await see(page, "link", "State machines")).click();
          await page.getByText("There is no state machine here yet").waitFor();

          await (await see(page, "button", "Sign out")).click();
          await see(page, "heading", "Sign in to Stepwell");
          await until(async () => (await page.context().cookies()).length === 0, "the cookie to be gone");
        } finally {
          await server.stop();
        }
      },
    },
    {
      name: "open server: account and region are chosen in the frame",
      walk: async (open) => {
        const server = await startServer();
        try {
          await createMachine(server, "of-the-default", one("Only", { Type: "Pass" }));
          const page = await open();
          await page.goto(`${server.console}machines`);
          await see(page, "link", "of-the-default");
          await (await see(page, "button", /000000000000/)).click();
          const dialog = await see(page, "dialog", "Account and region");
          await dialog.getByLabel("Account", { exact: true }).fill("111122223333");
          await dialog.getByRole("button", { name: "Use these" }).click();
          await page.getByText("There is no state machine here yet").waitFor();
        } finally {
          await server.stop();
        }
      },
    },
  ];
}
