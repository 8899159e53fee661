/**
 * Journeys through the console in a real browser, with the real server.
 *
 *     node journeys/run.mjs                    all journeys, the marks with some slack, and pictures into .stepwell/screenshots
 *     node journeys/run.mjs inbox keyboard     those whose name has one of these words in it
 *     node journeys/run.mjs marks              the marks alone, measured five times each
 *     node journeys/run.mjs screenshots DIR    pictures of the main pages
 *
 * The server is `STEPWELL_BINARY`, else ../target/debug/stepwell; the browser `CHROMIUM`, else
 * /usr/bin/chromium. The console must have been built (`npm run build`).
 */

import { fileURLToPath } from "node:url";
import { accessibility } from "./accessibility.mjs";
import { addresses } from "./addresses.mjs";
import { answers } from "./answers.mjs";
import { crash } from "./crash.mjs";
import { finish, functionsFolder, journey, missing, startServer } from "./harness.mjs";
import { hostile } from "./hostile.mjs";
import { keyboard } from "./keyboard.mjs";
import { machines } from "./machines.mjs";
import { many } from "./many.mjs";
import { marks } from "./marks.mjs";
import { repair } from "./repair.mjs";
import { screenshots } from "./screenshots.mjs";
import { signIn } from "./sign-in.mjs";
import { windows } from "./windows.mjs";

const CHAPTERS = [repair, answers, many, machines, keyboard, addresses, signIn, hostile, crash, windows, accessibility];

const complaint = missing();
if (complaint) {
  console.error(complaint);
  process.exit(1);
}

const [command, ...rest] = process.argv.slice(2);
if (command === "marks") {
  for (const mark of await marks({ runs: 5, slack: 3 })) await journey(mark.name, mark.walk);
} else if (command === "screenshots") {
  await screenshots(rest[0] ?? "docs/images");
} else {
  const words = process.argv.slice(2).map((word) => word.toLowerCase());
  const wanted = (each) => words.length === 0 || words.some((word) => each.name.toLowerCase().includes(word));
  const functions = functionsFolder("shared");
  const shared = await startServer({ args: ["--ephemeral", "--functions", `${functions}/functions.toml`] });
  const world = { server: shared, functions };
  for (const chapter of CHAPTERS) {
    for (const each of chapter(world).filter(wanted)) await journey(each.name, each.walk);
  }
  for (const mark of (await marks({ runs: 3, slack: 3 })).filter(wanted)) await journey(mark.name, mark.walk);
  if (words.length === 0) await screenshots(fileURLToPath(new URL("../../.stepwell/screenshots", import.meta.url)));
}
process.exit((await finish()) ? 0 : 1);
