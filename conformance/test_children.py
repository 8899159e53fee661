"""Executions that tasks start: how they are started, waited for, told of and stopped, and that a crash doubles none."""

import json
import random
import time

import pytest
import server as servers
from conftest import lines
from server import function_arn, until
from test_express import Express, called_once_more, count, log_lines, tally

PASS = {"Type": "Pass", "End": True}
START = "arn:aws:states:::states:startExecution"
SYNC = START + ".sync"
SYNC_2 = START + ".sync:2"
TOKEN = START + ".waitForTaskToken"
SDK_START = "arn:aws:states:::aws-sdk:sfn:startExecution"
SDK_SYNC = "arn:aws:states:::aws-sdk:sfn:startSyncExecution"


@pytest.fixture(scope="module")
def server():
    with servers.running() as running:
        yield running


@pytest.fixture
def world(server):
    return Express(server)


def child_task(machine, resource=START, **more):
    """A Task state that starts an execution of `machine`; small letters are its other fields."""
    fields = {key: more.pop(key) for key in list(more) if key in ("Retry", "Catch", "TimeoutSeconds", "HeartbeatSeconds", "Next")}
    task = {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": machine, **more}, **fields}
    return task if "Next" in task else {**task, "End": True}


def parent_of(world, machine, resource=START, **more):
    return world.states("Child", Child=child_task(machine, resource, **more))


def executions(world, machine):
    return world.sfn.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]


def failure(described):
    assert described["status"] == "FAILED", described
    return described["error"], described["cause"]


# Standard in Standard.


def test_a_child_is_started_and_not_waited_for(world):
    child = world.states("W", W={"Type": "Wait", "Seconds": 3600, "End": True})
    described, history = world.run(parent_of(world, child, Name="kid", Input={"n": 1}))
    output = json.loads(described["output"])
    arn = child.replace(":stateMachine:", ":execution:") + ":kid"
    assert output["ExecutionArn"] == arn
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200 and isinstance(output["StartDate"], int)
    assert lines(history)[2:6] == ["3<2 TaskScheduled", "4<3 TaskStarted", "5<4 TaskSucceeded", "6<5 TaskStateExited Child"]
    kid = world.sfn.describe_execution(executionArn=arn)
    assert (kid["status"], json.loads(kid["input"])) == ("RUNNING", {"n": 1})
    world.sfn.stop_execution(executionArn=arn)


def test_the_sdk_starts_a_child_as_well(world):
    child = world.states("A", A=PASS)
    output = world.output(parent_of(world, child, SDK_START, Name="kid"))
    assert output.keys() == {"ExecutionArn", "StartDate"} and isinstance(output["StartDate"], str)
    world.end(output["ExecutionArn"])


@pytest.mark.parametrize("given, got", [
    ({}, {}),
    ({"Input": {"a": {"b": [1, None]}}}, {"a": {"b": [1, None]}}),
    ({"Input": "{\"text\": true}"}, {"text": True}),
    ({"Input": None}, {}),
    ({"Input": [1]}, [1]),
    ({"Input.$": "$.mine"}, {"n": 7}),
    ({"Input.$": "States.JsonToString($.mine)"}, {"n": 7}),
])
def test_the_input_of_a_child_is_a_value_or_its_text(world, given, got):
    child = world.states("A", A=PASS)
    parent = parent_of(world, child, SYNC_2, **given)
    output = world.output(parent, {"mine": {"n": 7}})
    assert output["Output"] == got and output["Input"] == got


def test_sync_gives_texts_and_sync_2_gives_values(world):
    child = world.states("A", A={"Type": "Pass", "Result": {"out": [1, 2]}, "End": True})
    first = world.output(parent_of(world, child, SYNC, Input={"n": 1}))
    second = world.output(parent_of(world, child, SYNC_2, Input={"n": 1}))
    assert (first["Output"], first["Input"]) == ('{"out":[1,2]}', '{"n":1}')
    assert (second["Output"], second["Input"]) == ({"out": [1, 2]}, {"n": 1})
    for output in (first, second):
        assert (output["Status"], output["StateMachineArn"]) == ("SUCCEEDED", child)
        assert output["ExecutionArn"].endswith(":" + output["Name"])
        assert output["StartDate"] <= output["StopDate"]
    described, history = world.run(parent_of(world, child, SYNC_2))
    assert lines(history)[2:6] == ["3<2 TaskScheduled", "4<3 TaskStarted", "5<4 TaskSubmitted", "6<5 TaskSucceeded"]


def test_a_child_that_fails_or_times_out_or_is_stopped_fails_its_task(world):
    failing = world.states("F", F={"Type": "Fail", "Error": "Custom", "Cause": "why"})
    error, cause = failure(world.run(parent_of(world, failing, SYNC))[0])
    told = json.loads(cause)
    assert error == "States.TaskFailed"
    assert (told["Status"], told["Error"], told["Cause"]) == ("FAILED", "Custom", "why")
    slow = world.machine({"StartAt": "W", "TimeoutSeconds": 1, "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}})
    error, cause = failure(world.run(parent_of(world, slow, SYNC_2))[0])
    assert (error, json.loads(cause)["Status"]) == ("States.TaskFailed", "TIMED_OUT")
    waiting = world.states("W", W={"Type": "Wait", "Seconds": 3600, "End": True})
    parent = world.start(parent_of(world, waiting, SYNC_2))
    [kid] = until(lambda: executions(world, waiting), what="the child")
    world.sfn.stop_execution(executionArn=kid["executionArn"], error="Stopped", cause="by hand")
    error, cause = failure(world.end(parent))
    told = json.loads(cause)
    assert (error, told["Status"], told["Error"]) == ("States.TaskFailed", "ABORTED", "Stopped")


def test_the_failure_of_a_child_can_be_caught(world):
    failing = world.states("F", F={"Type": "Fail", "Error": "Custom", "Cause": "why"})
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "After"}]
    parent = world.states("Child", Child=child_task(failing, SYNC, Catch=catch), After=PASS)
    assert json.loads(world.output(parent)["Cause"])["Error"] == "Custom"


def test_a_child_can_hold_the_token_of_its_parent(world):
    activity = world.activity()
    child = world.states("Hand", Hand={"Type": "Task", "Resource": activity, "End": True})
    parent = parent_of(world, child, TOKEN, **{"Input": {"token.$": "$$.Task.Token"}})
    execution = world.start(parent)
    task = world.take(activity)
    token = json.loads(task["input"])["token"]
    world.sfn.send_task_success(taskToken=task["taskToken"], output="{}")
    [kid] = executions(world, child)
    assert world.end(kid["executionArn"])["status"] == "SUCCEEDED"
    # The end of the child is not that of the task.
    assert world.sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    world.sfn.send_task_success(taskToken=token, output='{"from": "outside"}')
    assert json.loads(world.end(execution)["output"]) == {"from": "outside"}


def test_a_child_is_a_version_or_what_an_alias_leads_to(world):
    machine = world.states("A", A={"Type": "Pass", "Result": 1, "End": True})
    first = world.sfn.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    changed = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 2, "End": True}}}
    world.sfn.update_state_machine(stateMachineArn=machine, definition=json.dumps(changed))
    alias = world.sfn.create_state_machine_alias(
        name="LIVE", routingConfiguration=[{"stateMachineVersionArn": first, "weight": 100}]
    )["stateMachineAliasArn"]
    for arn, result in ((machine, 2), (first, 1), (alias, 1)):
        output = world.output(parent_of(world, arn, SYNC_2))
        assert (output["Output"], output["StateMachineArn"]) == (result, machine)
        assert output.get("StateMachineVersionArn") == (None if arn == machine else first)
        assert output.get("StateMachineAliasArn") == (alias if arn == alias else None)


def test_what_cannot_be_started_fails_the_task_by_name(world):
    child = world.states("A", A=PASS)
    gone = child + "-gone"
    error, cause = failure(world.run(parent_of(world, gone))[0])
    assert error == "StepFunctions.StateMachineDoesNotExistException"
    assert cause.startswith(f"State Machine Does Not Exist: '{gone}' (Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: ")
    error, cause = failure(world.run(parent_of(world, gone, SDK_START))[0])
    assert error == "Sfn.StateMachineDoesNotExistException"
    assert cause.startswith(f"State Machine Does Not Exist: '{gone}' (Service: Sfn, Status Code: 400, Request ID: ")
    named = {
        "InvalidArn": {"StateMachineArn.$": "$.bad"},
        "InvalidName": {"Name": "a b"},
        "InvalidExecutionInput": {"Input": "{"},
    }
    for name, parameters in named.items():
        task = child_task(child, **parameters)
        if name == "InvalidArn":
            del task["Parameters"]["StateMachineArn"]
        error, _ = failure(world.run(world.states("Child", Child=task), {"bad": "no arn"})[0])
        assert error == f"StepFunctions.{name}Exception", error
    assert executions(world, child) == []


def test_the_machine_of_another_account_is_out_of_reach(world, server):
    foreign = servers.client(server.endpoint, access_key="222222222222")
    definition = json.dumps({"StartAt": "A", "States": {"A": PASS}})
    child = foreign.create_state_machine(name="theirs", definition=definition, roleArn=servers.ROLE_ARN.replace(servers.ACCOUNT, "222222222222"))["stateMachineArn"]
    error, _ = failure(world.run(parent_of(world, child))[0])
    assert error.startswith("StepFunctions.AccessDenied")
    assert foreign.list_executions(stateMachineArn=child)["executions"] == []


def test_a_name_that_is_taken_fails_the_task(world):
    child = world.states("W", W={"Type": "Wait", "Seconds": 3600, "End": True})
    taken = world.start(child, {"n": 1}, name="taken")
    error, cause = failure(world.run(parent_of(world, child, SYNC, Name="taken", Input={"n": 2}))[0])
    assert error == "StepFunctions.ExecutionAlreadyExistsException"
    assert cause.startswith(f"Execution Already Exists: '{taken}'")
    # The same input is the same execution, as with StartExecution.
    output = world.output(parent_of(world, child, Name="taken", Input={"n": 1}))
    assert output["ExecutionArn"] == taken
    world.sfn.stop_execution(executionArn=taken)
    assert failure(world.run(parent_of(world, child, Name="taken", Input={"n": 1}))[0])[0] == error


@pytest.mark.parametrize("how", ["stop", "timeout", "task timeout", "branch"])
def test_a_child_that_is_waited_for_ends_with_its_task(world, how):
    child = world.states("W", W={"Type": "Wait", "Seconds": 3600, "End": True})
    task = child_task(child, SYNC_2)
    if how == "task timeout":
        parent = world.states("Child", Child={**task, "TimeoutSeconds": 1})
    elif how == "timeout":
        parent = world.machine({"StartAt": "Child", "TimeoutSeconds": 1, "States": {"Child": task}})
    elif how == "branch":
        parent = world.states("Both", Both={"Type": "Parallel", "End": True, "Branches": [
            {"StartAt": "Child", "States": {"Child": task}},
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail"}}},
        ]})
    else:
        parent = world.states("Child", Child=task)
    execution = world.start(parent)
    [kid] = until(lambda: executions(world, child), what="the child")
    if how == "stop":
        world.sfn.stop_execution(executionArn=execution)
    wanted = {"stop": "ABORTED", "timeout": "TIMED_OUT", "task timeout": "FAILED", "branch": "FAILED"}[how]
    assert world.end(execution)["status"] == wanted
    assert world.end(kid["executionArn"])["status"] == "ABORTED"


def test_a_child_that_is_not_waited_for_goes_on(world):
    child = world.states("W", W={"Type": "Wait", "Seconds": 2, "End": True})
    then = {"Type": "Wait", "Seconds": 3600, "End": True}
    parent = world.states("Child", Child=child_task(child, Next="Then"), Then=then)
    execution = world.start(parent)
    [kid] = until(lambda: executions(world, child), what="the child")
    until(lambda: any(event["type"] == "WaitStateEntered" for event in world.history(execution)), what="the next state")
    world.sfn.stop_execution(executionArn=execution)
    assert world.end(kid["executionArn"])["status"] == "SUCCEEDED"


def test_another_attempt_starts_another_child(world):
    child = world.states("F", F={"Type": "Fail", "Error": "E"})
    retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}]
    failure(world.run(parent_of(world, child, SYNC, Retry=retry))[0])
    assert len({one["executionArn"] for one in executions(world, child)}) == 3


def test_children_of_children(world):
    leaf = world.states("A", A={"Type": "Pass", "Result": "leaf", "End": True})
    middle = world.states("Child", Child={**child_task(leaf, SYNC_2), "OutputPath": "$.Output"})
    top = world.states("Child", Child={**child_task(middle, SYNC_2), "OutputPath": "$.Output"})
    assert world.output(top) == "leaf"
    waiting = world.states("W", W={"Type": "Wait", "Seconds": 3600, "End": True})
    middle = parent_of(world, waiting, SYNC)
    top = world.start(parent_of(world, middle, SYNC))
    [kid] = until(lambda: executions(world, waiting), what="the leaf")
    world.sfn.stop_execution(executionArn=top)
    assert world.end(kid["executionArn"])["status"] == "ABORTED"


def test_a_map_of_children(world):
    child = world.states("A", A=PASS)
    each = {"Type": "Map", "End": True, "ItemProcessor": {
        "StartAt": "Child",
        "States": {"Child": {**child_task(child, SYNC_2, **{"Input.$": "$"}), "OutputPath": "$.Output"}},
    }}
    assert world.output(world.states("Each", Each=each), [{"n": n} for n in range(20)]) == [{"n": n} for n in range(20)]
    assert len(executions(world, child)) == 20


# Express in Standard.


def test_an_express_child_runs_for_a_standard_parent(world):
    child = world.of("A", A={"Type": "Pass", "Result": {"out": 1}, "End": True})
    output = world.output(parent_of(world, child, SDK_SYNC, Name="kid", Input={"n": 1}))
    assert (output["Status"], json.loads(output["Output"]), json.loads(output["Input"])) == ("SUCCEEDED", {"out": 1}, {"n": 1})
    assert output["ExecutionArn"].startswith(child.replace(":stateMachine:", ":express:") + ":kid:")
    assert output["BillingDetails"]["BilledMemoryUsedInMB"] == 64
    for resource in (START, SDK_START):
        output = world.output(parent_of(world, child, resource, Input={"n": 2}))
        assert ":express:" in output["ExecutionArn"]
        found = world.found(output["ExecutionArn"])
        assert (found["status"], json.loads(found["input"])) == ("SUCCEEDED", {"n": 2})


def test_a_failure_of_an_express_child_is_an_answer(world):
    child = world.of("F", F={"Type": "Fail", "Error": "Custom", "Cause": "why"})
    output = world.output(parent_of(world, child, SDK_SYNC))
    assert (output["Status"], output["Error"], output["Cause"]) == ("FAILED", "Custom", "why")


def test_the_type_of_a_child_must_fit(world):
    express, standard = world.of("A", A=PASS), world.states("A", A=PASS)
    error, _ = failure(world.run(parent_of(world, standard, SDK_SYNC))[0])
    assert error == "Sfn.StateMachineTypeNotSupportedException"
    error, _ = failure(world.run(parent_of(world, express, SYNC))[0])
    assert error == "StepFunctions.StateMachineTypeNotSupportedException"


def test_an_express_child_ends_with_its_parent(world, tmp_path):
    effects = tmp_path / "effects"
    child = world.of("T", T={**tally(effects, seconds=2), "End": False, "Next": "U"}, U=tally(effects))
    execution = world.start(parent_of(world, child, SDK_SYNC))
    until(lambda: count(effects) == 1, what="the first call")
    world.sfn.stop_execution(executionArn=execution)
    [one] = until(lambda: world.list(child)["executions"], what="its end")
    assert one["status"] == "ABORTED"
    assert world.list(child, statusFilter="ABORTED")["executions"] == [one]
    assert world.list(child, statusFilter="FAILED")["executions"] == []
    assert count(effects) == 1


# Express in Express.


def test_express_children_of_an_express_parent(world):
    child = world.of("A", A={"Type": "Pass", "Result": {"out": 1}, "End": True})
    parent = world.of("Child", Child={**child_task(child, SDK_SYNC), "OutputPath": "$.Output"})
    done = world.sync(parent)
    assert (done["status"], json.loads(json.loads(done["output"]))) == ("SUCCEEDED", {"out": 1})
    for resource in (START, SDK_START):
        done = world.sync(world.of("Child", Child=child_task(child, resource)))
        assert done["status"] == "SUCCEEDED", done
        world.found(json.loads(done["output"])["ExecutionArn"])
    # A Standard child of an Express parent is started all the same.
    standard = world.states("A", A=PASS)
    done = world.sync(world.of("Child", Child=child_task(standard)))
    assert world.end(json.loads(done["output"])["ExecutionArn"])["status"] == "SUCCEEDED"


def test_an_express_child_has_the_time_of_its_parent(world):
    child = world.of("W", W={"Type": "Wait", "Seconds": 60, "End": True})
    task = child_task(child, SDK_SYNC)
    parent = world.express({"StartAt": "Child", "TimeoutSeconds": 2, "States": {"Child": task}})
    began = time.monotonic()
    done = world.sync(parent)
    assert done["status"] == "TIMED_OUT" and time.monotonic() - began < 15
    [kid] = until(lambda: world.list(child)["executions"], what="the end of the child")
    assert kid["status"] in ("TIMED_OUT", "ABORTED")


# Crashes.


def test_a_crash_doubles_no_child_and_loses_none(tmp_path):
    """Each attempt of a task starts one child, whose effects tell which attempt it was for."""
    dice = random.Random(20261122)
    with servers.running() as server:
        world = Express(server)
        effects = tmp_path / "effects"
        retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 20, "BackoffRate": 1}]
        # A child is a Wait and an effect; a call that a crash cut off fails it, so that the parent tries again.
        child = world.states("W", W={"Type": "Wait", "Seconds": 1, "Next": "T"}, T={
            "Type": "Task", "Resource": function_arn("tally"), "End": True,
            "Parameters": {"who.$": "$$.Execution.Name", "effects": str(effects), "seconds": 0.2},
        })
        parents = [
            world.states(
                "One",
                One=child_task(child, SYNC_2, Retry=retry, Input={"n": 1}, Next="Two"),
                Two=child_task(child, START, Input={"n": 2}, Next="Three"),
                Three=child_task(child, SYNC, Retry=retry, Input={"n": 3}),
            )
        ]
        started, number = [], 0
        for _ in range(10):
            for _ in range(3):
                number += 1
                started.append(world.start(parents[0], name=f"p{number}"))
            # At a random moment between the start of the children and their ends.
            time.sleep(dice.uniform(0.0, 1.8))
            server.kill()
            server.start()
            world = Express(server)
        ended = {arn: world.end(arn, 120) for arn in started}
        assert {end["status"] for end in ended.values()} == {"SUCCEEDED"}, ended
        # What a parent's history says it started is all that there is.
        attempts = 0
        for arn in started:
            history = world.history(arn)
            types = [event["type"] for event in history]
            scheduled = types.count("TaskScheduled")
            assert types.count("TaskSucceeded") == 3 and types.count("TaskSubmitted") >= 2, lines(history)
            assert types.count("TaskSucceeded") + types.count("TaskFailed") == scheduled, lines(history)
            attempts += scheduled
        kids, more = [], {}
        while True:
            page = world.sfn.list_executions(stateMachineArn=child, maxResults=1000, **more)
            kids += page["executions"]
            if "nextToken" not in page:
                break
            more = {"nextToken": page["nextToken"]}
        assert len(kids) == attempts
        for kid in kids:
            world.end(kid["executionArn"], 60)
        names = [line.split()[0] for line in effects.read_text().splitlines()]
        assert len(names) == len(set(names)), "the effect of a child was done twice"
        assert set(names) <= {kid["name"] for kid in kids}


def test_an_express_child_that_a_crash_cut_off_is_unknown_and_not_run_again(tmp_path):
    with servers.running() as server:
        world = Express(server)
        effects = tmp_path / "effects"
        child = world.of("T", T=tally(effects, seconds=20))
        execution = world.start(parent_of(world, child, SDK_SYNC))
        until(lambda: count(effects) == 1, what="the call")
        server.kill()
        server.start()
        world = Express(server)
        error, _ = failure(world.end(execution))
        assert error == "Stepwell.OutcomeUnknown"
        called_once_more(server, tmp_path)
        assert count(effects) == 1


def test_an_express_child_that_was_started_is_run_again_once(tmp_path):
    with servers.running() as server:
        world = Express(server)
        effects = tmp_path / "effects"
        child = world.of("T", T=tally(effects, seconds=0.7))
        described, _ = world.run(parent_of(world, child))
        execution = json.loads(described["output"])["ExecutionArn"]
        until(lambda: count(effects) == 1, what="the call")
        server.kill()
        server.start()
        world = Express(server)
        assert world.found(execution)["status"] == "SUCCEEDED"
        assert count(effects) == 2
        assert not log_lines(server, "express_given_up")
