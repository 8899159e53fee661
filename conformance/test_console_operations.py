"""The operations that a console needs beyond AWS's: what is wrong with a definition, what a machine was, what failed,
what happened over time, and what waits for somebody."""

import json
import sqlite3
import time

import access
import pytest
import server as servers
from access import Key
from conftest import World
from server import ACCOUNT, REGION, function_arn, until
from test_express import kind, log_lines, own

PASS = {"Type": "Pass", "End": True}
FAIL = {"Type": "Fail", "Error": "Custom", "Cause": "why"}
WAIT = {"Type": "Wait", "Seconds": 3600, "End": True}
CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def ask(**more):
    """A callback: a function is called with a token, and does nothing with it."""
    parameters = {"FunctionName": function_arn("echo"), "Payload": {"token.$": "$$.Task.Token"}}
    return {"Type": "Task", "Resource": CALLBACK, "Parameters": parameters, "End": True, **more}


@pytest.fixture(scope="module")
def server():
    with servers.running(arguments=["--log-format", "json"]) as running:
        yield running


@pytest.fixture
def call(server):
    def call(operation, body, expected=200, **options):
        status, answer = own(server, operation, body, **options)
        assert status == expected, answer
        return answer

    return call


def waiting(call, machine, count=1):
    """The tasks of a machine that wait for somebody, once there are so many that have tokens."""

    def probe():
        tasks = call("ListWaitingTasks", {"stateMachineArn": machine})["tasks"]
        return tasks if sum("taskToken" in task for task in tasks) == count else None

    return until(probe, what=f"{count} waiting tasks")


def counts(call, machine):
    """The counts of a machine, without its name and moments."""
    found = [counted for counted in call("GetStateMachineCounts", {})["counts"] if counted["stateMachineArn"] == machine]
    return {key: value for key, value in found[0].items() if isinstance(value, int)}


def series(call, machine, period=3600):
    now = time.time()
    body = {"stateMachineArn": machine, "startTime": now - period, "endTime": now, "periodSeconds": period}
    return call("GetExecutionMetrics", body)


def total(answer, member):
    return sum(point[member] for point in answer["points"])


# What is wrong with a definition.


def test_a_definition_is_diagnosed_where_it_is_wrong(call):
    definition = '{\n "StartAt": "Goo",\n "States": {"Go": {"Type": "Succeed"}}\n}'
    found = call("DiagnoseDefinition", {"definition": definition})
    assert found["result"] == "FAIL"
    first = found["diagnostics"][0]
    assert (first["line"], first["column"], first["pointer"]) == (2, 2, "/StartAt")
    assert (first["severity"], first["hint"]) == ("ERROR", 'did you mean "Go"?')
    broken = call("DiagnoseDefinition", {"definition": '{\n "StartAt" "A"}', "type": "EXPRESS"})
    assert [(found["code"], found["line"]) for found in broken["diagnostics"]] == [("INVALID_JSON_DESCRIPTION", 2)]
    assert call("DiagnoseDefinition", {"definition": "no", "type": "OTHER"}, 400)["__type"].endswith("ValidationException")


# Revisions.


def test_a_machine_is_shown_as_it_was(world, call):
    machine = world.states("A", A=PASS)
    world.sfn.publish_state_machine_version(stateMachineArn=machine)
    updated = world.sfn.update_state_machine(
        stateMachineArn=machine, definition=json.dumps({"StartAt": "B", "States": {"B": PASS}})
    )
    revisions = call("ListStateMachineRevisions", {"stateMachineArn": machine})["revisions"]
    assert [revision["revisionId"] for revision in revisions] == [updated["revisionId"], "INITIAL"]
    assert [(revision["isCurrent"], revision["versions"]) for revision in revisions] == [(True, []), (False, [1])]
    first = call("DescribeStateMachineRevision", {"stateMachineArn": machine, "number": revisions[1]["number"]})
    assert json.loads(first["definition"])["StartAt"] == "A" and first["roleArn"] == servers.ROLE_ARN
    none = call("DescribeStateMachineRevision", {"stateMachineArn": machine, "number": 10**6}, 400)
    assert kind(none) == "ResourceNotFound"


# Failures.


def test_the_last_failures_are_told(world, call):
    caught = {"Type": "Task", "Resource": function_arn("raise"), "End": True}
    machine, late = world.states("F", F=FAIL), {"StartAt": "W", "TimeoutSeconds": 1, "States": {"W": WAIT}}
    slow, task = world.machine(late), world.states("T", T=caught)
    executions = [world.start(slow)]
    world.end(executions[0])
    for of in [machine, task]:
        executions.append(world.start(of))
        world.end(executions[-1])
    found = call("ListRecentFailures", {"maxResults": 3})["failures"]
    assert [failed["executionArn"] for failed in found] == executions[::-1]
    assert [(failed["status"], failed.get("stateName")) for failed in found] == [
        ("FAILED", "T"), ("FAILED", "F"), ("TIMED_OUT", "W")
    ]
    assert (found[1]["error"], found[1]["cause"]) == ("Custom", "why")
    assert call("ListRecentFailures", {"stateMachineArn": world.states("A", A=PASS)}) == {"failures": []}


def test_express_failures_are_among_them(world, call):
    machine = world.sfn.create_state_machine(
        name=world.name("express"), definition=json.dumps({"StartAt": "F", "States": {"F": FAIL}}),
        roleArn=servers.ROLE_ARN, type="EXPRESS",
    )["stateMachineArn"]
    world.start(machine, name="one")

    def probe():
        return call("ListRecentFailures", {"stateMachineArn": machine})["failures"]

    failed = until(probe)[0]
    assert (failed["name"], failed["error"], failed["stateName"]) == ("one", "Custom", "F")
    assert ":express:" in failed["executionArn"]


# Metrics.


def test_what_happens_is_counted(world, call):
    machine = world.states("A", A={"Type": "Choice", "Choices": [
        {"Variable": "$.wait", "BooleanEquals": True, "Next": "W"},
    ], "Default": "F"}, W=WAIT, F=FAIL)
    for _ in range(3):
        world.end(world.start(machine, {"wait": False}))
    stays = world.start(machine, {"wait": True})
    zero = {"running": 0, "started": 0, "succeeded": 0, "failed": 0, "timedOut": 0, "aborted": 0}
    assert counts(call, machine) == {**zero, "running": 1, "started": 4, "failed": 3}
    world.sfn.stop_execution(executionArn=stays)
    assert counts(call, machine) == {**zero, "started": 4, "failed": 3, "aborted": 1}
    answer = series(call, machine, 60)
    assert answer["openExecutions"] == 0 and answer["periodSeconds"] == 60
    assert all(point["timestamp"] % 60 == 0 for point in answer["points"])
    assert (total(answer, "executionsStarted"), total(answer, "executionsFailed")) == (4, 3)
    assert total(answer, "executionsAborted") == 1
    times = [point["executionTime"] for point in answer["points"] if "executionTime" in point]
    assert times and all(time["p50"] <= time["p99"] <= time["maximum"] for time in times)
    world.sfn.delete_state_machine(stateMachineArn=machine)
    until(lambda: machine not in json.dumps(call("GetStateMachineCounts", {})))


def written(server):
    """Whether counts are in the store: what a server that is killed leaves."""
    store = sqlite3.connect(f"file:{server.data / 'stepwell.db'}?mode=ro", uri=True)
    try:
        return store.execute("SELECT count(*) FROM catalogue WHERE key LIKE 'metrics/%'").fetchone()[0]
    finally:
        store.close()


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_counts_and_what_is_open_outlive_the_server(how):
    with servers.running() as server:
        call = lambda operation, body: own(server, operation, body)[1]  # noqa: E731
        world = World(server.client())
        machine = world.states("W", W=WAIT)
        world.start(machine, name="first")
        # The first count is written soon; those of the minute that follows go with a crash.
        until(lambda: written(server))
        stopped = world.start(machine, name="second")
        world.start(machine, name="third")
        world.sfn.stop_execution(executionArn=stopped)
        if how == "kill":
            server.kill()
        else:
            assert server.terminate() == 0
        server.start()
        found = counts(call, machine)
        assert found["running"] == 2
        started, aborted = found["started"], found["aborted"]
        assert (1 <= started <= 3 and aborted <= 1) if how == "kill" else (started, aborted) == (3, 1)
        answer = series(call, machine)
        assert answer["openExecutions"] == 2
        assert total(answer, "executionsStarted") == started
        world = World(server.client())
        world.sfn.redrive_execution(executionArn=stopped)
        assert counts(call, machine)["running"] == 3
        world.sfn.stop_execution(executionArn=stopped)
        found = counts(call, machine)
        assert (found["running"], found["aborted"]) == (2, aborted + 1)


def test_an_express_execution_that_is_run_again_is_open_once():
    with servers.running() as server:
        call = lambda operation, body: own(server, operation, body)[1]  # noqa: E731
        world = World(server.client())
        machine = world.sfn.create_state_machine(
            name=world.name("express"), roleArn=servers.ROLE_ARN, type="EXPRESS",
            definition=json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3, "End": True}}}),
        )["stateMachineArn"]
        for _ in range(2):
            world.start(machine)
        assert counts(call, machine)["running"] == 2
        server.kill()
        server.start()
        until(lambda: counts(call, machine)["running"] == 2)
        until(lambda: counts(call, machine)["succeeded"] == 2)
        assert counts(call, machine)["running"] == 0
        assert series(call, machine)["openExecutions"] == 0


# What waits for somebody.


def test_a_callback_is_found_and_answered_by_hand(world, call, server):
    machine = world.states("Ask", Ask=ask(TimeoutSeconds=600))
    execution = world.start(machine)
    task = waiting(call, machine)[0]
    assert (task["executionArn"], task["stateMachineArn"]) == (execution, machine)
    assert (task["kind"], task["stateName"], task["resource"]) == ("CALLBACK", "Ask", CALLBACK)
    assert json.loads(task["input"])["Payload"]["token"] == task["taskToken"]
    assert 599 < task["timeoutDate"] - task["scheduledDate"] < 610
    assert task["scheduledDate"] <= task["startedDate"]
    answer = {"taskToken": task["taskToken"], "outcome": "SUCCEED", "output": '{"secret": 1}', "note": "by\nphone"}
    assert call("AnswerTask", answer) == {}
    assert json.loads(world.end(execution)["output"]) == {"secret": 1}
    assert kind(call("AnswerTask", answer, 400)) == "TaskTimedOut"
    told = [line for line in log_lines(server, "task_answered_by_hand") if line["executionArn"] == execution]
    assert [(line["outcome"], line["note"], line["user"]) for line in told] == [("SUCCEED", "by\nphone", None)]
    assert "secret" not in json.dumps(told)
    assert call("ListWaitingTasks", {"stateMachineArn": machine}) == {"tasks": []}


def test_a_task_of_an_activity_is_failed_in_place_of_its_worker(world, call):
    activity = world.activity()
    machine = world.states("A", A={"Type": "Task", "Resource": activity, "End": True})
    execution = world.start(machine, {"n": 1})
    task = call("ListWaitingTasks", {"stateMachineArn": machine})["tasks"][0]
    assert (task["kind"], task["activityArn"]) == ("ACTIVITY", activity)
    assert "taskToken" not in task and "startedDate" not in task
    token = world.take(activity, "somebody")["taskToken"]
    task = waiting(call, machine)[0]
    assert (task["taskToken"], task["workerName"]) == (token, "somebody")
    assert call("AnswerTask", {"taskToken": token, "outcome": "FAIL", "error": "E", "cause": "c"}) == {}
    described = world.end(execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "E", "c")


def test_waiting_tasks_and_their_tokens_outlive_a_crash():
    with servers.running() as server:
        call = lambda operation, body: own(server, operation, body)[1]  # noqa: E731
        world = World(server.client())
        machine = world.states("Ask", Ask=ask(TimeoutSeconds=600))
        execution = world.start(machine)
        before = waiting(call, machine)
        server.kill()
        server.start()
        assert call("ListWaitingTasks", {"stateMachineArn": machine})["tasks"] == before
        assert call("AnswerTask", {"taskToken": before[0]["taskToken"], "outcome": "SUCCEED", "output": "1"}) == {}
        assert World(server.client()).end(execution)["output"] == "1"


# Who may.


def test_policies_know_ours_as_actions_of_states():
    machine = f"arn:aws:states:{REGION}:111111111111:stateMachine:m"
    reader = Key("reader", policies=[{"Statement": {
        "Effect": "Allow", "Action": ["states:GetExecutionMetrics", "states:ListRecentFailures", "states:ListWaitingTasks"],
        "Resource": machine,
    }}])
    with access.running(reader) as server:
        def refused(operation, body):
            status, answer = access.Signed(reader, server.endpoint, operation, body, prefix="Stepwell").send()
            return status, kind(answer)

        now = time.time()
        metrics = {"startTime": now - 60, "endTime": now, "periodSeconds": 60}
        # Allowed, and then there is no such machine.
        assert refused("GetExecutionMetrics", {"stateMachineArn": machine, **metrics}) == (400, "StateMachineDoesNotExist")
        assert refused("ListRecentFailures", {"stateMachineArn": machine}) == (400, "StateMachineDoesNotExist")
        # Those of all machines, and tokens, are of more than one machine.
        for operation, body in [
            ("GetExecutionMetrics", metrics), ("ListRecentFailures", {}), ("GetStateMachineCounts", {}),
            ("ListWaitingTasks", {"stateMachineArn": machine}), ("AnswerTask", {"taskToken": "x", "outcome": "FAIL"}),
        ]:
            assert refused(operation, body) == (400, "AccessDeniedException"), operation
    assert ACCOUNT not in machine
