// The AWS SDK for JavaScript against a server: `node client.mjs ENDPOINT`.
//
// Calls every operation once at least, checks what comes back, and prints one line for each check:
// `ok NAME` or `failed NAME: WHY`. Ends with 1 if one failed.

import http from "node:http";
import assert from "node:assert/strict";
import * as sfn from "@aws-sdk/client-sfn";

const [endpoint] = process.argv.slice(2);
const common = {
  region: "us-east-1",
  credentials: { accessKeyId: "tests", secretAccessKey: "tests" },
  maxAttempts: 1,
};
const client = new sfn.SFNClient({ ...common, endpoint });
// StartSyncExecution and TestState put `sync-` before the host, which no resolver knows for an
// address. `disableHostPrefix` keeps it away.
const sync = new sfn.SFNClient({ ...common, endpoint, disableHostPrefix: true });
// Where `sync-localhost` leads to this machine, say by a line in /etc/hosts, nothing else is needed.
const lookup = (_name, options, done) =>
  options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
const named = new sfn.SFNClient({
  ...common,
  endpoint: endpoint.replace("127.0.0.1", "localhost"),
  requestHandler: { httpAgent: new http.Agent({ lookup }) },
});

const ROLE = "arn:aws:iam::000000000000:role/tests";
const PASS = JSON.stringify({ StartAt: "P", States: { P: { Type: "Pass", End: true } } });
const called = new Set();
let failed = 0;

/** Calls an operation by the name of its command. */
async function call(operation, input = {}, by = client) {
  called.add(operation);
  return by.send(new sfn[`${operation}Command`](input));
}

async function check(name, body) {
  try {
    await body();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`failed ${name}: ${String(error.stack ?? error).replaceAll("\n", " | ")}`);
  }
}

/** The exception with which a call is refused. */
async function refused(type, operation, input, status = 400) {
  await assert.rejects(call(operation, input), (error) => {
    assert.ok(error instanceof type, `${error.name}: ${error.message}`);
    assert.equal(error.$metadata.httpStatusCode, status);
    assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
    return true;
  });
}

async function until(probe) {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await probe();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it did not come true");
}

const ended = (executionArn) =>
  until(async () => {
    const described = await call("DescribeExecution", { executionArn });
    return described.status === "RUNNING" ? null : described;
  });

async function machine(name, definition = PASS, more = {}) {
  const created = await call("CreateStateMachine", { name, definition, roleArn: ROLE, ...more });
  assert.ok(created.creationDate instanceof Date);
  return created.stateMachineArn;
}

await check("state machines", async () => {
  const stateMachineArn = await machine("js-machines");
  const described = await call("DescribeStateMachine", { stateMachineArn });
  assert.deepEqual([described.definition, described.type, described.status], [PASS, "STANDARD", "ACTIVE"]);
  const updated = await call("UpdateStateMachine", { stateMachineArn, roleArn: `${ROLE}-2` });
  assert.ok(updated.updateDate >= described.creationDate);
  const pages = sfn.paginateListStateMachines({ client, pageSize: 1 }, {});
  called.add("ListStateMachines");
  const names = [];
  for await (const page of pages) names.push(...page.stateMachines.map((row) => row.name));
  assert.ok(names.includes("js-machines"));
  await call("DeleteStateMachine", { stateMachineArn });
  await until(() =>
    call("DescribeStateMachine", { stateMachineArn }).then(() => false, (error) => error.name === "StateMachineDoesNotExist"),
  );
  await refused(sfn.StateMachineDoesNotExist, "DescribeStateMachine", { stateMachineArn });
  await refused(sfn.InvalidArn, "DescribeStateMachine", { stateMachineArn: "no ARN" });
  await refused(sfn.InvalidDefinition, "CreateStateMachine", { name: "bad", definition: "{}", roleArn: ROLE });
  await refused(sfn.InvalidName, "CreateActivity", { name: "a b" });
});

await check("executions", async () => {
  const stateMachineArn = await machine("js-executions");
  const { executionArn, startDate } = await call("StartExecution", { stateMachineArn, name: "one", input: '{"é":1}' });
  assert.ok(Math.abs(startDate - Date.now()) < 60_000);
  assert.equal((await ended(executionArn)).output, '{"é":1}');
  const { events } = await call("GetExecutionHistory", { executionArn, reverseOrder: true });
  assert.equal(events[0].type, "ExecutionSucceeded");
  assert.equal(events.at(-1).executionStartedEventDetails.input, '{"é":1}');
  const of = await call("DescribeStateMachineForExecution", { executionArn });
  assert.equal(of.stateMachineArn, stateMachineArn);
  await refused(sfn.ExecutionAlreadyExists, "StartExecution", { stateMachineArn, name: "one", input: "{}" });
  await refused(sfn.InvalidExecutionInput, "StartExecution", { stateMachineArn, input: "{" });
  const list = await call("ListExecutions", { stateMachineArn, statusFilter: "SUCCEEDED" });
  assert.deepEqual(list.executions.map((row) => row.name), ["one"]);
  const waits = await machine("js-waits", '{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}}');
  const other = (await call("StartExecution", { stateMachineArn: waits })).executionArn;
  assert.ok((await call("StopExecution", { executionArn: other, error: "Enough", cause: "said so" })).stopDate);
  assert.equal((await ended(other)).error, "Enough");
});

await check("activities", async () => {
  const { activityArn } = await call("CreateActivity", { name: "js-activity" });
  assert.equal((await call("DescribeActivity", { activityArn })).name, "js-activity");
  assert.ok((await call("ListActivities")).activities.some((row) => row.activityArn === activityArn));
  const definition = JSON.stringify({ StartAt: "T", States: { T: { Type: "Task", Resource: activityArn, End: true } } });
  const stateMachineArn = await machine("js-activities", definition);
  for (const succeeds of [true, false]) {
    const { executionArn } = await call("StartExecution", { stateMachineArn });
    const { taskToken } = await call("GetActivityTask", { activityArn, workerName: "js" });
    await call("SendTaskHeartbeat", { taskToken });
    if (succeeds) await call("SendTaskSuccess", { taskToken, output: "1" });
    else await call("SendTaskFailure", { taskToken, error: "Mine" });
    assert.equal((await ended(executionArn)).status, succeeds ? "SUCCEEDED" : "FAILED");
    await refused(sfn.TaskTimedOut, "SendTaskHeartbeat", { taskToken });
  }
  await refused(sfn.InvalidToken, "SendTaskSuccess", { taskToken: "made up", output: "1" });
  await call("DeleteActivity", { activityArn });
  await refused(sfn.ActivityDoesNotExist, "DescribeActivity", { activityArn });
});

await check("validation and tests of states", async () => {
  const validated = await call("ValidateStateMachineDefinition", { definition: '{"StartAt":"P"}' });
  assert.equal(validated.result, "FAIL");
  const definition = '{"Type":"Pass","Result":{"a":1},"End":true}';
  for (const by of [sync, named]) {
    const tested = await call("TestState", { definition, inspectionLevel: "DEBUG" }, by);
    assert.deepEqual([tested.status, JSON.parse(tested.output)], ["SUCCEEDED", { a: 1 }]);
  }
});

await check("Express", async () => {
  const stateMachineArn = await machine("js-express", PASS, { type: "EXPRESS" });
  for (const by of [sync, named]) {
    const done = await call("StartSyncExecution", { stateMachineArn, input: '{"n":1}' }, by);
    assert.deepEqual([done.status, done.output], ["SUCCEEDED", '{"n":1}']);
    assert.ok(done.billingDetails.billedDurationInMilliseconds >= 0);
  }
  const started = await call("StartExecution", { stateMachineArn });
  assert.match(started.executionArn, /:express:js-express:/);
});

await check("tags", async () => {
  const stateMachineArn = await machine("js-tags", PASS, { tags: [{ key: "a", value: "1" }] });
  await call("TagResource", { resourceArn: stateMachineArn, tags: [{ key: "b", value: "2" }] });
  await call("UntagResource", { resourceArn: stateMachineArn, tagKeys: ["a"] });
  const { tags } = await call("ListTagsForResource", { resourceArn: stateMachineArn });
  assert.deepEqual(tags, [{ key: "b", value: "2" }]);
});

await check("versions and aliases", async () => {
  const stateMachineArn = await machine("js-versions");
  const { stateMachineVersionArn } = await call("PublishStateMachineVersion", { stateMachineArn, description: "first" });
  const listed = await call("ListStateMachineVersions", { stateMachineArn });
  assert.deepEqual(listed.stateMachineVersions.map((row) => row.stateMachineVersionArn), [stateMachineVersionArn]);
  const routingConfiguration = [{ stateMachineVersionArn, weight: 100 }];
  const { stateMachineAliasArn } = await call("CreateStateMachineAlias", { name: "live", routingConfiguration });
  await call("UpdateStateMachineAlias", { stateMachineAliasArn, description: "now" });
  const described = await call("DescribeStateMachineAlias", { stateMachineAliasArn });
  assert.deepEqual([described.name, described.description], ["live", "now"]);
  assert.deepEqual(described.routingConfiguration, routingConfiguration);
  assert.equal((await call("ListStateMachineAliases", { stateMachineArn })).stateMachineAliases.length, 1);
  const { executionArn } = await call("StartExecution", { stateMachineArn: stateMachineAliasArn });
  assert.equal((await ended(executionArn)).stateMachineAliasArn, stateMachineAliasArn);
  await refused(sfn.ConflictException, "DeleteStateMachineVersion", { stateMachineVersionArn }, 409);
  await call("DeleteStateMachineAlias", { stateMachineAliasArn });
  await call("DeleteStateMachineVersion", { stateMachineVersionArn });
});

await check("redrive", async () => {
  const fails = '{"StartAt":"F","States":{"F":{"Type":"Fail"}}}';
  const stateMachineArn = await machine("js-redrive", fails);
  const { executionArn } = await call("StartExecution", { stateMachineArn });
  await ended(executionArn);
  assert.ok((await call("RedriveExecution", { executionArn })).redriveDate instanceof Date);
  await until(async () => (await call("DescribeExecution", { executionArn })).redriveCount === 1);
});

await check("Map Runs", async () => {
  const mapRunArn = "arn:aws:states:us-east-1:000000000000:mapRun:m/l:6b3a2a9c-0000-0000-0000-000000000000";
  await refused(sfn.ResourceNotFound, "DescribeMapRun", { mapRunArn });
  await refused(sfn.ResourceNotFound, "UpdateMapRun", { mapRunArn, maxConcurrency: 1 });
  const stateMachineArn = await machine("js-map-runs");
  const { executionArn } = await call("StartExecution", { stateMachineArn });
  assert.deepEqual((await call("ListMapRuns", { executionArn })).mapRuns, []);
});

await check("every operation is called", async () => {
  const all = Object.keys(sfn).filter((name) => /^[A-Z].*Command$/.test(name) && !name.startsWith("$"));
  assert.ok(all.length >= 37, `${all.length} operations`);
  const never = all.map((name) => name.slice(0, -"Command".length)).filter((name) => !called.has(name));
  assert.deepEqual(never, []);
});

process.exitCode = failed ? 1 : 0;
