"""Express executions with boto3: answers to their callers, starts that outlive a crash, and what can be read of them."""

import concurrent.futures
import contextlib
import http.client
import json
import time

import botocore.exceptions
import pytest
import server as servers
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import World, lines
from server import function_arn, until

PASS = {"Type": "Pass", "End": True}
NOT_SUPPORTED = "This operation is not supported by this type of state machine"


class Express(World):
    """Verbs for Express machines. A client for them must not write `sync-` before the host."""

    def __init__(self, server):
        super().__init__(server.client(inject_host_prefix=False))
        self.server = server

    def express(self, definition, **more):
        return self.sfn.create_state_machine(
            name=self.name("express"), definition=json.dumps(definition), roleArn=servers.ROLE_ARN, type="EXPRESS", **more
        )["stateMachineArn"]

    def of(self, start_at, **states):
        return self.express({"StartAt": start_at, "States": states})

    def sync(self, machine, value=None, **options):
        value = {} if value is None else value
        return self.sfn.start_sync_execution(stateMachineArn=machine, input=json.dumps(value), **options)

    def list(self, machine, **options):
        return own(self.server, "ListExpressExecutions", {"stateMachineArn": machine, **options})[1]

    def found(self, execution, seconds=20):
        """The description of an Express execution once it has ended."""

        def probe():
            status, body = own(self.server, "DescribeExpressExecution", {"executionArn": execution})
            return body if status == 200 else None

        return until(probe, seconds, f"the end of {execution}")


def post(server, target, body, access_key="tests", region=servers.REGION, **headers):
    """One signed request: `(status, body as JSON)`."""
    text = json.dumps(body).encode()
    sent = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target, **headers}
    request = AWSRequest("POST", server.endpoint + "/", data=text, headers=sent)
    request.headers["Host"] = server.listen
    SigV4Auth(Credentials(access_key, "tests"), "states", region).add_auth(request)
    host, port = server.listen.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request("POST", "/", text, dict(request.headers.items()))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def own(server, operation, body, **options):
    """One of the operations that AWS has not."""
    return post(server, f"Stepwell.{operation}", body, **options)


def kind(body):
    return body["__type"].rsplit("#", 1)[-1]


def configured(tmp_path, text):
    file = tmp_path / "stepwell.toml"
    file.write_text(text)
    return ["--config", str(file)]


def log_lines(server, event):
    found = []
    for line in server.stderr().splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if told.get("event") == event:
            found.append(told)
    return found


def tally(path, **more):
    """A task that leaves a line in a file for each time that it is called."""
    parameters = {"who": "x", "effects": str(path), **more}
    return {"Type": "Task", "Resource": function_arn("tally"), "Parameters": parameters, "End": True}


def count(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture(scope="module")
def server():
    with servers.running() as running:
        yield running


@pytest.fixture
def world(server):
    return Express(server)


# Synchronous ones.


def test_the_answer_tells_how_it_ended(world):
    machine = world.of("A", A={"Type": "Pass", "Result": {"n": 2}, "End": True})
    done = world.sync(machine, {"n": 1}, name="one", traceHeader="Root=1-5759e988-bd862e3fe1be46a994272793")
    assert done["status"] == "SUCCEEDED"
    assert done["executionArn"].startswith(machine.replace(":stateMachine:", ":express:") + ":one:")
    assert (done["stateMachineArn"], done["name"]) == (machine, "one")
    assert (json.loads(done["input"]), json.loads(done["output"])) == ({"n": 1}, {"n": 2})
    assert (done["inputDetails"], done["outputDetails"]) == ({"included": True}, {"included": True})
    assert done["startDate"] <= done["stopDate"]
    assert done["traceHeader"] == "Root=1-5759e988-bd862e3fe1be46a994272793"
    billing = done["billingDetails"]
    assert billing["billedMemoryUsedInMB"] == 64 and billing["billedDurationInMilliseconds"] % 100 == 0
    assert billing["billedDurationInMilliseconds"] > 0
    assert "error" not in done and "cause" not in done


def test_the_header_of_a_trace_wins_over_the_member(world, server):
    machine = world.of("A", A=PASS)
    body = {"stateMachineArn": machine, "traceHeader": "Root=member"}
    status, answer = post(server, "AWSStepFunctions.StartSyncExecution", body, **{"X-Amzn-Trace-Id": "Root=header"})
    assert (status, answer["traceHeader"]) == (200, "Root=header")
    status, answer = post(server, "AWSStepFunctions.StartSyncExecution", body)
    assert (status, answer["traceHeader"]) == (200, "Root=member")
    assert "traceHeader" not in world.sync(machine)


def test_a_failure_is_an_answer(world):
    machine = world.of("F", F={"Type": "Fail", "Error": "Custom", "Cause": "why"})
    done = world.sync(machine, {"n": 1})
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "Custom", "why")
    assert "output" not in done and "outputDetails" not in done
    assert json.loads(done["input"]) == {"n": 1}


def test_metadata_only_leaves_the_data_out(world):
    machine = world.of("A", A=PASS)
    done = world.sync(machine, {"n": 1}, includedData="METADATA_ONLY")
    assert "input" not in done and "output" not in done
    assert (done["inputDetails"], done["outputDetails"]) == ({"included": False}, {"included": False})
    assert done["status"] == "SUCCEEDED"


def test_it_runs_a_version_and_an_alias_as_they_were_published(world):
    machine = world.of("A", A={"Type": "Pass", "Result": 1, "End": True})
    first = world.sfn.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    changed = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 2, "End": True}}}
    world.sfn.update_state_machine(stateMachineArn=machine, definition=json.dumps(changed))
    alias = world.sfn.create_state_machine_alias(
        name="LIVE", routingConfiguration=[{"stateMachineVersionArn": first, "weight": 100}]
    )["stateMachineAliasArn"]
    for arn, output in ((machine, "2"), (first, "1"), (alias, "1")):
        done = world.sync(arn)
        assert (done["output"], done["stateMachineArn"]) == (output, arn)
        # The ARN of an execution names the machine alone.
        assert done["executionArn"].startswith(machine.replace(":stateMachine:", ":express:") + ":")
    for arn in (machine + ":7", machine + ":NOBODY"):
        with pytest.raises(world.sfn.exceptions.StateMachineDoesNotExist):
            world.sync(arn)


def test_it_waits_for_what_it_waits_for(world):
    machine = world.express({"StartAt": "Each", "States": {
        "Each": {
            "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": {
                "StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": function_arn("echo"), "End": True}},
            },
            "ResultPath": "$.called", "Next": "Both",
        },
        "Both": {"Type": "Parallel", "ResultPath": "$.both", "Next": "Wait", "Branches": [
            {"StartAt": "L", "States": {"L": {"Type": "Pass", "Result": "l", "End": True}}},
            {"StartAt": "R", "States": {"R": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "OutputPath": "$.Payload", "End": True,
                "Parameters": {"FunctionName": function_arn("echo"), "Payload": "r"},
            }}},
        ]},
        "Wait": {"Type": "Wait", "Seconds": 1, "End": True},
    }})
    done = world.sync(machine, {"items": [1, {"two": 2}, "three"]})
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"]) == {
        "items": [1, {"two": 2}, "three"], "called": [1, {"two": 2}, "three"], "both": ["l", "r"],
    }
    assert (done["stopDate"] - done["startDate"]).total_seconds() >= 1
    assert done["billingDetails"]["billedDurationInMilliseconds"] >= 1000


def test_it_retries_and_catches(world):
    retry = [{"ErrorEquals": ["Trouble"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}]
    flaky = {
        "Type": "Task", "Resource": function_arn("flaky"), "End": True, "Retry": retry,
        "Parameters": {"attempt.$": "$$.State.RetryCount", "succeedsAt": 2},
    }
    done = world.sync(world.of("Try", Try=flaky))
    assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"attempt": 2})
    hopeless = {**flaky, "Parameters": {"attempt.$": "$$.State.RetryCount", "succeedsAt": 9}}
    done = world.sync(world.of("Try", Try=hopeless))
    assert (done["status"], done["error"]) == ("FAILED", "Trouble")
    catching = {**hopeless, "Retry": [], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}]}
    done = world.sync(world.of("Try", Try=catching, After=PASS))
    assert (done["status"], json.loads(done["output"])["Error"]) == ("SUCCEEDED", "Trouble")


def test_its_time_is_bounded(tmp_path):
    arguments = configured(tmp_path, "[limits]\nexpress_seconds_max = 1\n")
    with servers.running(arguments=arguments) as server:
        world = Express(server)
        waiting = world.of("W", W={"Type": "Wait", "Seconds": 60, "End": True})
        notes = tmp_path / "effects"
        calling = world.of("T", T=tally(notes, seconds=20))
        for machine in (waiting, calling):
            began = time.monotonic()
            done = world.sync(machine, {"n": 1})
            assert time.monotonic() - began < 10
            assert (done["status"], done["error"]) == ("TIMED_OUT", "States.Timeout")
            assert "output" not in done and json.loads(done["input"]) == {"n": 1}
        # A shorter time of the machine's own is kept as well, and a longer one helps nobody.
        own_time = world.express({"StartAt": "W", "TimeoutSeconds": 100, "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}})
        assert world.sync(own_time)["status"] == "TIMED_OUT"
        # Asynchronous ones as well.
        execution = world.start(waiting)
        assert world.found(execution)["status"] == "TIMED_OUT"


def test_many_callers_are_answered_at_once(world):
    machine = world.of(
        "Call",
        Call={"Type": "Task", "Resource": function_arn("echo"), "Next": "Wait"},
        Wait={"Type": "Wait", "Seconds": 1, "End": True},
    )
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        began = time.monotonic()
        answers = list(pool.map(lambda n: world.sync(machine, {"n": n}), range(32)))
    assert [json.loads(answer["output"]) for answer in answers] == [{"n": n} for n in range(32)]
    assert len({answer["executionArn"] for answer in answers}) == 32
    assert time.monotonic() - began < 20


def test_a_caller_that_hangs_up_harms_nobody(world, server, tmp_path):
    effects = tmp_path / "effects"
    machine = world.of("T", T={**tally(effects, seconds=1), "End": False, "Next": "U"}, U=tally(effects))
    impatient = server.client(inject_host_prefix=False, read_timeout=0.3)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        impatient.start_sync_execution(stateMachineArn=machine)
    # It was under way, and goes on.
    until(lambda: count(effects) == 2, what="the second effect")
    [one] = until(lambda: world.list(machine)["executions"], what="its end")
    assert one["status"] == "SUCCEEDED"
    assert world.sync(world.of("A", A=PASS))["status"] == "SUCCEEDED"


def test_what_cannot_be_started_is_refused(world):
    express = world.of("A", A=PASS)
    standard = world.states("A", A=PASS)
    assert world.refused("StateMachineTypeNotSupported", "start_sync_execution", stateMachineArn=standard) == NOT_SUPPORTED
    gone = express + "-gone"
    message = world.refused("StateMachineDoesNotExist", "start_sync_execution", stateMachineArn=gone)
    assert message == f"State Machine Does Not Exist: '{gone}'"
    world.refused("InvalidArn", "start_sync_execution", stateMachineArn="nothing")
    world.refused("InvalidName", "start_sync_execution", stateMachineArn=express, name="a b")
    world.refused("InvalidExecutionInput", "start_sync_execution", stateMachineArn=express, input="{")


# Asynchronous ones.


def test_a_start_is_answered_with_the_arn_of_an_express_execution(world):
    machine = world.of("A", A={"Type": "Wait", "Seconds": 1, "End": True})
    started = world.sfn.start_execution(stateMachineArn=machine, name="same", input="{}")
    again = world.sfn.start_execution(stateMachineArn=machine, name="same", input="{}")
    arns = {started["executionArn"], again["executionArn"]}
    prefix = machine.replace(":stateMachine:", ":express:") + ":same:"
    assert len(arns) == 2 and all(arn.startswith(prefix) for arn in arns)
    for arn in arns:
        assert world.found(arn)["status"] == "SUCCEEDED"


def test_operations_for_standard_executions_refuse_it(world):
    machine = world.of("A", A=PASS)
    execution = world.start(machine)
    # Recorded for DescribeExecution, StopExecution, GetExecutionHistory and ListExecutions.
    wanted = "Invalid Arn: 'Resource type not valid in this context: express'"
    for call in ("describe_execution", "stop_execution", "get_execution_history"):
        assert world.refused("InvalidArn", call, executionArn=execution) == wanted, call
    assert world.refused("StateMachineTypeNotSupported", "list_executions", stateMachineArn=machine) == NOT_SUPPORTED
    world.refused("InvalidArn", "redrive_execution", executionArn=execution)


def called_once_more(server, folder):
    """Waits until a server that has just started has called a function, and is done with it."""
    world, other = Express(server), folder / "other"
    assert world.sync(world.of("T", T=tally(other)))["status"] == "SUCCEEDED"
    return world


def test_a_start_survives_a_crash_and_is_run_again(tmp_path):
    with servers.running() as server:
        world = Express(server)
        effects = tmp_path / "effects"
        machine = world.of("Before", Before={"Type": "Pass", "Next": "T"}, T=tally(effects, seconds=0.7))
        execution = world.start(machine, {"n": 1})
        until(lambda: count(effects) == 1, what="the first call")
        server.kill()
        server.start()
        world = Express(server)
        described = world.found(execution)
        assert (described["status"], json.loads(described["input"])) == ("SUCCEEDED", {"n": 1})
        assert count(effects) == 2
        # A clean end writes down that it has ended: it is run no more.
        assert server.terminate() == 0
        server.start()
        called_once_more(server, tmp_path)
        server.kill()
        assert count(effects) == 2


def test_what_kills_the_server_is_given_up(tmp_path):
    with servers.running() as server:
        world = Express(server)
        effects = tmp_path / "effects"
        machine = world.of("T", T=tally(effects, seconds=20))
        world.start(machine)
        until(lambda: count(effects) == 1, what="the first call")
        for restart in range(1, 4):
            server.kill()
            server.start()
            until(lambda: count(effects) == restart + 1, what=f"call {restart + 1}")
            assert not log_lines(server, "express_given_up")
        server.kill()
        server.start()
        [told] = until(lambda: log_lines(server, "express_given_up"), what="the line")
        assert told["level"] == "error"
        server.kill()
        server.start()
        called_once_more(server, tmp_path)
        assert count(effects) == 4


def test_a_synchronous_one_is_never_run_again(tmp_path):
    with servers.running() as server:
        world = Express(server)
        effects = tmp_path / "effects"
        machine = world.of("T", T=tally(effects, seconds=20))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(world.sync, machine)
            until(lambda: count(effects) == 1, what="the call")
            server.kill()
            with pytest.raises(botocore.exceptions.BotoCoreError):
                call.result()
        server.start()
        called_once_more(server, tmp_path)
        assert count(effects) == 1


def test_a_machine_goes_when_its_executions_have_ended(world, tmp_path):
    effects = tmp_path / "effects"
    machine = world.of("T", T={**tally(effects, seconds=2), "End": False, "Next": "W"}, W={"Type": "Wait", "Seconds": 1, "End": True})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        caller = pool.submit(world.sync, machine)
        world.start(machine)
        until(lambda: count(effects) == 2, what="both calls")
        world.sfn.delete_state_machine(stateMachineArn=machine)
        for call in ("start_sync_execution", "start_execution"):
            with pytest.raises(world.sfn.exceptions.ClientError) as refused:
                getattr(world.sfn, call)(stateMachineArn=machine)
            assert refused.value.response["Error"]["Code"] in ("StateMachineDeleting", "StateMachineDoesNotExist")
        assert caller.result()["status"] in ("SUCCEEDED", "FAILED", "TIMED_OUT")

    def is_gone():
        try:
            world.sfn.describe_state_machine(stateMachineArn=machine)
        except world.sfn.exceptions.StateMachineDoesNotExist:
            return True
        return False

    until(is_gone, what="the end of the machine")
    again = world.sfn.create_state_machine(
        name=machine.rsplit(":", 1)[1], definition=json.dumps({"StartAt": "A", "States": {"A": PASS}}),
        roleArn=servers.ROLE_ARN, type="EXPRESS",
    )["stateMachineArn"]
    assert again == machine and world.sync(again)["status"] == "SUCCEEDED"


def test_it_logs_its_history(world, server):
    group = f"arn:aws:logs:{servers.REGION}:{servers.ACCOUNT}:log-group:/aws/vendedlogs/states/express:*"
    logging = {
        "level": "ALL", "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }
    definition = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": function_arn("echo"), "End": True}}}
    machine = world.express(definition, loggingConfiguration=logging)
    arns = [world.sync(machine, {"n": 1})["executionArn"], world.start(machine, {"n": 2})]
    wanted = [
        "ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted",
        "LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded",
    ]

    def logged(arn):
        records = []
        for file in sorted((server.data / "logs").rglob("*.jsonl")):
            text = file.read_text("utf-8")
            records += [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return [record for record in records if record["execution_arn"] == arn]

    for number, arn in enumerate(arns, 1):
        found = until(lambda: logged(arn) if len(logged(arn)) == 7 else None, what="the records")
        assert [record["type"] for record in found] == wanted
        assert [record["id"] for record in found] == [str(n) for n in range(1, 8)]
        assert json.loads(found[0]["details"]["input"]) == {"n": number}


# What can be read of those that ended.


def test_executions_are_listed_newest_first(world, server):
    machine = world.of(
        "Which",
        Which={"Type": "Choice", "Default": "Good", "Choices": [{"Variable": "$.bad", "IsPresent": True, "Next": "Bad"}]},
        Good={"Type": "Succeed"},
        Bad={"Type": "Fail", "Error": "E"},
    )
    other = world.of("A", A=PASS)
    world.sync(other)
    done = [world.sync(machine, {"bad": 1} if n % 3 == 0 else {}, name=f"n{n}") for n in range(7)]
    newest_first = [answer["executionArn"] for answer in reversed(done)]
    listed = world.list(machine)
    assert [one["executionArn"] for one in listed["executions"]] == newest_first
    assert "nextToken" not in listed
    first = listed["executions"][0]
    assert (first["name"], first["status"], first["stateMachineArn"]) == ("n6", "FAILED", machine)
    assert first["startDate"] <= first["stopDate"]
    pages, more = [], {}
    while True:
        page = world.list(machine, maxResults=3, **more)
        pages.append([one["executionArn"] for one in page["executions"]])
        if "nextToken" not in page:
            break
        # What ends in the meantime moves nothing on the pages to come.
        world.sync(machine, name="later")
        more = {"nextToken": page["nextToken"]}
    assert [len(page) for page in pages] == [3, 3, 1] and sum(pages, []) == newest_first
    failed = world.list(machine, statusFilter="FAILED")["executions"]
    assert [one["name"] for one in failed] == ["n6", "n3", "n0"]
    assert world.list(machine, statusFilter="TIMED_OUT")["executions"] == []


def test_a_token_is_for_its_own_question(world, server):
    machine = world.of("A", A=PASS)
    for _ in range(2):
        world.sync(machine)
    token = world.list(machine, maxResults=1)["nextToken"]
    for body in (
        {"stateMachineArn": machine, "nextToken": token, "statusFilter": "FAILED"},
        {"stateMachineArn": machine, "nextToken": "nonsense"},
    ):
        status, answer = own(server, "ListExpressExecutions", body)
        assert (status, kind(answer)) == (400, "InvalidToken")


def test_an_execution_is_described(world, server):
    machine = world.of("A", A={"Type": "Pass", "Result": "out", "End": True})
    done = world.sync(machine, {"n": 1}, name="one")
    status, found = own(server, "DescribeExpressExecution", {"executionArn": done["executionArn"]})
    assert status == 200
    for member in ("executionArn", "stateMachineArn", "name", "status", "input", "output", "inputDetails", "outputDetails", "billingDetails"):
        assert found[member] == done[member], member
    assert found["historyTruncated"] is False
    assert abs(found["startDate"] - done["startDate"].timestamp()) < 0.002
    _, hidden = own(server, "DescribeExpressExecution", {"executionArn": done["executionArn"], "includedData": "METADATA_ONLY"})
    assert "input" not in hidden and hidden["inputDetails"] == {"included": False}


def test_a_history_is_that_of_a_standard_execution(world, server):
    definition = {"StartAt": "Call", "States": {
        "Call": {"Type": "Task", "Resource": function_arn("echo"), "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 1, "End": True},
    }}
    _, expected = world.run(world.machine(definition), {"n": 1})
    done = world.sync(world.express(definition), {"n": 1})

    def page(**more):
        status, answer = own(server, "GetExpressExecutionHistory", {"executionArn": done["executionArn"], **more})
        assert status == 200, answer
        return answer

    whole = page()["events"]
    assert lines(whole) == lines(expected)
    strip = lambda event: {key: value for key, value in event.items() if key not in ("timestamp",)}
    assert [strip(event) for event in whole] == [strip(event) for event in expected]
    for newest_first in (False, True):
        events, more = [], {}
        while True:
            answer = page(maxResults=2, reverseOrder=newest_first, **more)
            assert len(answer["events"]) <= 2
            events += answer["events"]
            if "nextToken" not in answer:
                break
            more = {"nextToken": answer["nextToken"]}
        assert events == (whole[::-1] if newest_first else whole)
    without = page(includeExecutionData=False)["events"]
    assert "input" not in without[0]["executionStartedEventDetails"]


def test_nobody_else_sees_it(world, server):
    machine = world.of("A", A=PASS)
    execution = world.sync(machine)["executionArn"]
    questions = [
        ("ListExpressExecutions", {"stateMachineArn": machine}),
        ("DescribeExpressExecution", {"executionArn": execution}),
        ("GetExpressExecutionHistory", {"executionArn": execution}),
    ]
    for operation, body in questions:
        status, answer = own(server, operation, body, access_key="222222222222")
        assert (status, kind(answer)) == (400, "AccessDeniedException"), answer
        status, answer = own(server, operation, body, region="eu-west-1")
        assert status == 400 and kind(answer) in ("StateMachineDoesNotExist", "ExecutionDoesNotExist"), answer
        assert own(server, operation, body)[0] == 200
    for operation, _ in questions[1:]:
        status, answer = own(server, operation, {"executionArn": execution + "0"})
        assert (status, kind(answer)) == (400, "ExecutionDoesNotExist")
        assert answer["message"] == f"Execution Does Not Exist: '{execution}0'"
        standard = execution.replace(":express:", ":execution:").rsplit(":", 1)[0]
        assert kind(own(server, operation, {"executionArn": standard})[1]) == "InvalidArn"
    assert kind(own(server, "ListExpressExecutions", {"stateMachineArn": machine + "-gone"})[1]) == "StateMachineDoesNotExist"


# What is kept of them on disk.


def metric(server, name):
    host, port = server.listen.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    [line] = [line for line in text.splitlines() if line.startswith(name + " ")]
    return int(line.split()[1])


def written(server, least):
    until(lambda: metric(server, "stepwell_express_recent_written_total") >= least, what=f"{least} on disk")


def kept_sizes(server):
    """The sizes of the files of Express executions. The server removes some meanwhile: these have none."""
    sizes = []
    for file in (server.data / "express").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sizes.append(file.stat().st_size)
    return sizes


def pages(world, machine, size, **options):
    found, more = [], {}
    while True:
        page = world.list(machine, maxResults=size, **options, **more)
        found += page["executions"]
        if "nextToken" not in page:
            return found
        more = {"nextToken": page["nextToken"]}


def whole_history(server, execution):
    status, answer = own(server, "GetExpressExecutionHistory", {"executionArn": execution, "maxResults": 1000})
    assert status == 200, answer
    return answer["events"]


def described(server, execution):
    status, answer = own(server, "DescribeExpressExecution", {"executionArn": execution})
    assert status == 200, answer
    return answer


BOTH = {
    "StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Default": "Call", "Choices": [{"Variable": "$.bad", "IsPresent": True, "Next": "Bad"}]},
        "Call": {"Type": "Task", "Resource": function_arn("echo"), "End": True},
        "Bad": {"Type": "Fail", "Error": "E", "Cause": "ü"},
    },
}


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_what_ended_can_be_read_after_a_restart(how):
    with servers.running() as server:
        world = Express(server)
        machine = world.express(BOTH)
        version = world.sfn.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
        done = [world.sync(version, {"bad": "ü"} if n % 2 else {"n": n}, name=f"n{n}") for n in range(5)]
        done.append(world.sync(machine, {"text": "x" * 50_000}))
        if how == "terminate":
            # Killed, it might be run again, and end twice.
            done.append({"executionArn": world.start(machine)})
            world.found(done[-1]["executionArn"])
        # What it ran is not what the machine is now.
        world.sfn.update_state_machine(stateMachineArn=machine, definition=json.dumps({"StartAt": "A", "States": {"A": PASS}}))
        arns = [one["executionArn"] for one in done]
        before = [(described(server, arn), whole_history(server, arn)) for arn in arns]
        listed = world.list(machine)["executions"]
        if how == "kill":
            written(server, len(done))
            server.kill()
        else:
            assert server.terminate() == 0
        server.start()
        world = Express(server)
        until(lambda: len(world.list(machine)["executions"]) == len(done), what="the executions of the last run")
        assert world.list(machine)["executions"] == listed
        assert [(described(server, arn), whole_history(server, arn)) for arn in arns] == before
        assert before[0][1][0]["executionStartedEventDetails"]["roleArn"] == servers.ROLE_ARN
        # New ones come first, and pages go from memory over to the disk.
        newer = [world.sync(machine, name=f"new{n}")["executionArn"] for n in range(2)]
        everything = newer[::-1] + [one["executionArn"] for one in listed]
        for size in (1, 3, 100):
            assert [one["executionArn"] for one in pages(world, machine, size)] == everything
        failed = pages(world, machine, 1, statusFilter="FAILED")
        assert [one["name"] for one in failed] == ["n3", "n1"]
        # And once more, to see that the ring goes on.
        assert server.terminate() == 0
        server.start()
        world = Express(server)
        until(lambda: len(world.list(machine)["executions"]) == len(everything), what="those of both runs")
        assert [one["executionArn"] for one in pages(world, machine, 2)] == everything


def test_what_leaves_memory_is_read_from_disk(tmp_path):
    arguments = configured(tmp_path, "[express]\nrecent_memory_bytes = 60000\n")
    with servers.running(arguments=arguments) as server:
        world = Express(server)
        machine = world.of("A", A=PASS)
        done = [world.sync(machine, {"text": "x" * 1000}, name=f"n{n}") for n in range(50)]
        written(server, 50)
        arns = [one["executionArn"] for one in done][::-1]
        assert [one["executionArn"] for one in pages(world, machine, 7)] == arns
        for one in done:
            assert described(server, one["executionArn"])["output"] == one["output"]
            assert len(whole_history(server, one["executionArn"])) == 4


def test_the_files_are_bounded_and_the_oldest_go(tmp_path):
    arguments = configured(tmp_path, "[express]\nrecent_memory_bytes = 60000\nrecent_disk_bytes = 200000\n")
    with servers.running(arguments=arguments) as server:
        world = Express(server)
        machine = world.of("A", A=PASS)
        for number in range(400):
            world.sync(machine, {"text": "x" * 1000}, name=f"n{number}")
        written(server, 400)
        # Room is made after what was written, so it may take a moment more.
        until(lambda: sum(kept_sizes(server)) <= 200_000, what="the room that there may be")
        assert 2 <= len(kept_sizes(server)) <= 20
        names = [one["name"] for one in pages(world, machine, 100)]
        assert 50 < len(names) < 250
        assert names == [f"n{number}" for number in range(399, 399 - len(names), -1)]
        assert not log_lines(server, "express_recent_not_written")
        # It stays so after a restart with less room.
        assert server.terminate() == 0
        (tmp_path / "stepwell.toml").write_text("[express]\nrecent_memory_bytes = 60000\nrecent_disk_bytes = 100000\n")
        server.start()
        until(lambda: sum(kept_sizes(server)) <= 100_000, what="less room")


def test_what_is_torn_or_changed_is_left_out(tmp_path):
    with servers.running() as server:
        world = Express(server)
        machine = world.of("A", A=PASS)
        done = [world.sync(machine, {"n": n}, name=f"n{n}")["executionArn"] for n in range(4)]
        assert server.terminate() == 0
        [file] = (server.data / "express").iterdir()
        whole = file.read_bytes()
        starts = [at for at in range(len(whole)) if whole[at : at + 4] == b"SWX1"]
        assert len(starts) == 4
        # The last one is cut off, and in the data of the first a bit is turned.
        changed = bytearray(whole[:-10])
        changed[starts[1] - 3] ^= 1
        file.write_bytes(changed)
        server.start()
        world = Express(server)
        until(lambda: len(world.list(machine)["executions"]) == 3, what="the whole ones")
        assert kind(own(server, "DescribeExpressExecution", {"executionArn": done[3]})[1]) == "ExecutionDoesNotExist"
        assert kind(own(server, "DescribeExpressExecution", {"executionArn": done[0]})[1]) == "ExecutionDoesNotExist"
        assert described(server, done[1])["status"] == "SUCCEEDED"
        # What comes now is appended where the last whole one ends.
        world.sync(machine, name="new")
        assert server.terminate() == 0
        server.start()
        world = Express(server)
        until(lambda: len(world.list(machine)["executions"]) == 4, what="the new one beside them")
        assert [one["name"] for one in world.list(machine)["executions"]] == ["new", "n2", "n1", "n0"]


@pytest.mark.parametrize("setting, is_read", [("recent_memory_bytes = 0", False), ("recent_disk_bytes = 0", True)])
def test_what_is_switched_off_keeps_nothing(tmp_path, setting, is_read):
    with servers.running(arguments=configured(tmp_path, f"[express]\n{setting}\n")) as server:
        world = Express(server)
        machine = world.of("A", A=PASS)
        execution = world.sync(machine)["executionArn"]
        assert (own(server, "DescribeExpressExecution", {"executionArn": execution})[0] == 200) == is_read
        assert len(world.list(machine)["executions"]) == is_read
        assert server.terminate() == 0
        assert not (server.data / "express").exists()


def test_a_folder_that_cannot_be_written_stops_nobody():
    with servers.running() as server:
        world = Express(server)
        machine = world.of("A", A=PASS)
        (server.data / "express").write_text("in the way")
        execution = world.sync(machine)["executionArn"]
        until(lambda: log_lines(server, "express_recent_not_written"), what="the line")
        assert metric(server, "stepwell_express_recent_dropped_total") == 1
        assert described(server, execution)["status"] == "SUCCEEDED"
        assert world.sync(machine)["status"] == "SUCCEEDED"
        (server.data / "express").unlink()
        world.sync(machine)
        written(server, 1)
