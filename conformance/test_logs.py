"""Execution logs: what state machines log, as files in the data folder."""

import concurrent.futures
import json
import re
import urllib.request

import pytest
import server as servers
from botocore.exceptions import BotoCoreError, ClientError
from conftest import World

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
FAIL = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "why"}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400, "End": True}}}


@pytest.fixture
def server():
    with servers.running() as running:
        yield running


def group_arn(name, region=servers.REGION, account=servers.ACCOUNT):
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:*"


def logging(level, name="/aws/vendedlogs/states/tests", data=True, **place):
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group_arn(name, **place)}}]
    return {"level": level, "includeExecutionData": data, "destinations": destinations}


def create(world, definition, configuration):
    return world.sfn.create_state_machine(
        name=world.name("machine"),
        definition=json.dumps(definition),
        roleArn=servers.ROLE_ARN,
        loggingConfiguration=configuration,
    )["stateMachineArn"]


def files(server):
    return sorted((server.data / "logs").rglob("*.jsonl"))


def records(server):
    """All records there are; each line is one."""
    found = []
    for file in files(server):
        text = file.read_text("utf-8")
        assert text.endswith("\n") or not text, file
        # `splitlines` also splits where terminals and Unicode see the end of a line.
        found += [json.loads(line) for line in text.splitlines()]
    return found


def types(found):
    return [record["type"] for record in found]


def as_record(event, execution, data):
    """The record of an event of GetExecutionHistory, as AWS's documentation and recordings have it."""
    details = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    hidden = {"input", "output", "parameters", "assignedVariables"}
    if not data:
        details = {key: value for key, value in details.items() if key.removesuffix("Details") not in hidden}
    return {
        "id": str(event["id"]),
        "type": event["type"],
        "details": details,
        "previous_event_id": str(event["previousEventId"]),
        "event_timestamp": str(round(event["timestamp"].timestamp() * 1000)),
        "execution_arn": execution,
        "redrive_count": "0",
    }


def test_the_records_are_the_events_of_the_history(server):
    world = World(server.client())
    echo = servers.function_arn("echo")
    definition = {
        "StartAt": "Pass",
        "States": {
            "Pass": {"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"x": [1]}, "Next": "Call"},
            "Call": {"Type": "Task", "Resource": echo, "TimeoutSeconds": 60, "Next": "Invoke"},
            "Invoke": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": echo, "Payload.$": "$"},
                "Next": "Many",
            },
            "Many": {
                "Type": "Map",
                "ItemsPath": "$.Payload.items",
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}},
                "Next": "Both",
            },
            "Both": {
                "Type": "Parallel",
                "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Fail", "Error": "E", "Cause": "\u2028\x1b"}}}],
                "End": True,
            },
        },
    }
    for data in (True, False):
        machine = create(world, definition, logging("ALL", f"data-{data}", data))
        _, history = world.run(machine, {"items": [1, "\u0085\u2028\u2029\x7f\x1b[2J"]})
        execution = world.sfn.list_executions(stateMachineArn=machine)["executions"][0]["executionArn"]

        def of_execution(execution=execution):
            return [record for record in records(server) if record["execution_arn"] == execution]

        servers.until(lambda: "ExecutionFailed" in types(of_execution()), what="the last record")
        assert of_execution() == [as_record(event, execution, data) for event in history]


@pytest.mark.parametrize(
    ("level", "passes", "fails"),
    [
        ("ALL", ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"],
         ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]),
        ("ERROR", [], ["FailStateEntered", "ExecutionFailed"]),
        ("FATAL", [], ["ExecutionFailed"]),
        ("OFF", [], []),
    ],
)  # fmt: skip
def test_each_level_logs_what_it_says(server, level, passes, fails):
    world = World(server.client())
    world.run(create(world, PASS, logging(level)), {})
    world.run(create(world, FAIL, logging(level)), {})
    world.run(create(world, PASS, {"level": "OFF"}), {})
    # A stop writes all there is; what is not there then was never logged.
    assert server.terminate() == 0
    assert types(records(server)) == passes + fails


def test_an_execution_logs_as_its_machine_did_when_it_was_started(server):
    world = World(server.client())
    machine = create(world, WAIT, logging("ALL", "before"))
    execution = world.start(machine, {})
    world.sfn.update_state_machine(stateMachineArn=machine, loggingConfiguration=logging("FATAL", "after"))
    world.sfn.stop_execution(executionArn=execution)
    later = world.start(machine, {})
    world.sfn.stop_execution(executionArn=later, error="E")
    assert server.terminate() == 0
    by_group = {file.parent.name: types(map(json.loads, file.read_text().splitlines())) for file in files(server)}
    assert by_group == {"before": ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"],
                        "after": ["ExecutionAborted"]}  # fmt: skip


def test_records_after_a_redrive_carry_its_count_and_express_executions_log_as_well(server):
    world = World(server.client())
    task = {"Type": "Task", "Resource": servers.function_arn("no-such-function"), "End": True}
    failed, _ = world.run(create(world, {"StartAt": "T", "States": {"T": task}}, logging("ALL", "redriven")), {})
    world.sfn.redrive_execution(executionArn=failed["executionArn"])
    world.end(failed["executionArn"])
    history = world.history(failed["executionArn"])
    express = world.sfn.create_state_machine(
        name="express", type="EXPRESS", definition=json.dumps(PASS), roleArn=servers.ROLE_ARN,
        loggingConfiguration=logging("ALL", "express"),
    )["stateMachineArn"]  # fmt: skip
    started = world.sfn.start_execution(stateMachineArn=express)["executionArn"]

    def of(execution):
        return [record for record in records(server) if record["execution_arn"] == execution]

    servers.until(lambda: "ExecutionSucceeded" in types(of(started)), what="the end of the express execution")
    assert types(of(started)) == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert server.terminate() == 0
    redriven = [event["type"] for event in history].index("ExecutionRedriven")
    expected = [as_record(event, failed["executionArn"], True) for event in history]
    for record in expected[redriven:]:
        record["redrive_count"] = "1"
    assert of(failed["executionArn"]) == expected


def test_groups_never_share_a_file_and_none_leaves_the_folder(server):
    world = World(server.client())
    names = ["a", "/a", "a/", "a/b", "A", "..", ".", "../../../stepwell.db", "a#b", ".a", "n" * 200, "n" * 199 + "/"]
    places = [{}, {"region": "eu-west-1"}, {"account": "111111111111"}]
    expected = {}
    for place in places:
        for name in names:
            machine = create(world, PASS, logging("ALL", name, **place))
            described, _ = world.run(machine, {})
            expected[described["executionArn"]] = 4
    before = {path.name for path in server.data.iterdir()}
    assert server.terminate() == 0
    assert {path.name for path in server.data.iterdir()} <= before | {"logs"}
    of_files = [{record["execution_arn"] for record in map(json.loads, open(file))} for file in files(server)]
    assert sorted(map(sorted, of_files)) == sorted([arn] for arn in expected)
    assert all(server.data / "logs" in file.resolve().parents for file in files(server))
    assert len(records(server)) == sum(expected.values())
    # Capitals alone do not tell two groups apart everywhere.
    assert len({str(file).lower() for file in files(server)}) == len(files(server))


def test_what_is_no_log_group_is_refused_in_the_words_of_aws(server):
    world = World(server.client())
    start = "Invalid Logging Configuration: "
    for arn, text in [
        ("orders", "Must set valid CloudWatch Log Group ARN."),
        ("arn:aws:s3:::bucket", "Provided ARN is not CloudWatch Logs Log Group ARN."),
        (group_arn("g").removesuffix(":*"), "Log Group ARN must be provided with '*' qualifier."),
        (group_arn("a b"), "Must set valid CloudWatch Log Group ARN."),
    ]:
        configuration = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]}
        message = world.refused(
            "InvalidLoggingConfiguration", "create_state_machine", name="m", definition=json.dumps(PASS),
            roleArn=servers.ROLE_ARN, loggingConfiguration=configuration,
        )  # fmt: skip
        assert message == start + text


def test_a_payload_beyond_248_kb_is_cut_and_said_to_be(server):
    world = World(server.client())
    machine = create(world, PASS, logging("ALL"))
    text = '"\\' * 60_000  # Each pair takes four bytes of the payload and eight of a record.
    described, _ = world.run(machine, {"text": text})
    assert server.terminate() == 0
    started = records(server)[0]
    cut = started["details"]["input"]
    assert started["details"]["inputDetails"] == {"truncated": True}
    assert described["input"].startswith(cut)
    assert 248 * 1024 - 4 < len(json.dumps(cut)) - 2 <= 248 * 1024


def test_files_rotate_and_only_the_newest_are_kept(server):
    server.terminate()
    config = server.data.with_name("config.toml")
    config.write_text("[logs]\nfile_bytes_max = 4000\nfiles_max = 3\n")
    server.arguments = ["--config", str(config)]
    server.start()
    world = World(server.client())
    machine = create(world, PASS, logging("ALL", data=False))
    for _ in range(20):
        world.run(machine, {})
    last = world.run(machine, {})[0]["executionArn"]
    assert server.terminate() == 0
    numbers = [int(re.fullmatch(r"(\d{8})\.\d{4}-\d\d-\d\d-\d\d\.jsonl", file.name)[1]) for file in files(server)]
    assert len(numbers) == 3 and numbers == list(range(numbers[0], numbers[0] + 3)) and numbers[0] > 1
    assert all(file.stat().st_size <= 4000 for file in files(server))
    assert [record["execution_arn"] for record in records(server)][-4:] == [last] * 4


def test_after_kill_9_the_log_goes_on_and_nothing_is_in_it_twice(server):
    """What was handed over in the last moments may be missing, and nothing else."""
    world = World(server.client())
    machine = create(world, PASS, logging("ALL"))
    waits = create(world, WAIT, logging("ALL"))
    waiting = world.start(waits, {})
    settled = [world.run(machine, {})[0]["executionArn"] for _ in range(5)]

    def written():
        return {record["execution_arn"] for record in records(server)} >= {*settled, waiting}

    servers.until(written, what="the records of what is settled")
    started = []

    def keep_starting():
        try:
            while True:
                started.append(server.client().start_execution(stateMachineArn=machine)["executionArn"])
        except (BotoCoreError, ClientError):
            return

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(keep_starting)
        servers.until(lambda: len(started) > 50, what="some load")
        server.kill()
    # What a crash may leave: a line without its end.
    with open(files(server)[-1], "ab") as log:
        log.write(b'{"id":"1","type":"Exec')
    server.start()
    world = World(server.client())
    world.sfn.stop_execution(executionArn=waiting)
    after = world.run(machine, {})[0]["executionArn"]
    assert server.terminate() == 0

    found = records(server)
    seen = [(record["execution_arn"], record["id"]) for record in found]
    assert len(seen) == len(set(seen)), "no record is there twice"
    of = {arn: [record["id"] for record in found if record["execution_arn"] == arn] for arn, _ in seen}
    assert all(of[arn] == ["1", "2", "3", "4"] for arn in [*settled, after])
    assert of[waiting] == ["1", "2", "3"]
    # Of others all records are there or those from some moment on are not; all are of real executions.
    known = {row["executionArn"] for page in world_pages(server, machine) for row in page}
    for arn in set(of) - {waiting}:
        assert arn in known and of[arn] == [str(number) for number in range(1, len(of[arn]) + 1)]


def world_pages(server, machine):
    server.start()
    paginator = server.client().get_paginator("list_executions")
    return [page["executions"] for page in paginator.paginate(stateMachineArn=machine)]


def test_a_disk_that_is_full_for_logs_stops_no_execution(server):
    world = World(server.client())
    blocked = server.data / "logs" / servers.ACCOUNT / servers.REGION
    blocked.mkdir(parents=True)
    (blocked / "g").write_text("a file where the folder should be")
    machine = create(world, PASS, logging("ALL", "g"))
    for _ in range(3):
        assert world.run(machine, {})[0]["status"] == "SUCCEEDED"

    def dropped():
        text = urllib.request.urlopen(f"{server.endpoint}/metrics").read().decode()
        return int(re.search(r"^stepwell_execution_log_records_dropped_total (\d+)$", text, re.M)[1])

    servers.until(lambda: dropped() == 12, what="the count of lost records")
    assert "execution_log_not_written" in server.stderr()
