"""State machines that call Step Functions itself: aws-sdk:sfn, with an open server and with credentials."""

import datetime
import json
import re

import pytest

import access
import server as servers
from access import Key
from conftest import World

ADMIN = Key("admin")
CAUSE = re.compile(r"(.*) \(Service: Sfn, Status Code: 400, Request ID: [0-9a-f-]{36}\)", re.DOTALL)


def step(action, parameters, **fields):
    return {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:sfn:{action}", "Parameters": parameters, **fields}


def task(action, parameters, **fields):
    return step(action, parameters, End=True, **fields)


def call(world, action, parameters, value=None):
    """What came of one call: its result, or (error, cause)."""
    described = world.end(world.start(world.states("Call", Call=task(action, parameters)), value))
    if described["status"] == "SUCCEEDED":
        return json.loads(described["output"])
    return described["error"], described["cause"]


def refused(world, action, parameters):
    error, cause = call(world, action, parameters)
    return error, CAUSE.fullmatch(cause)[1]


def test_a_machine_can_be_the_worker_of_an_activity(world):
    activity = world.activity()
    machine = world.states(
        "Work", Work={"Type": "Task", "Resource": activity, "HeartbeatSeconds": 30, "TimeoutSeconds": 60, "End": True}
    )
    worker = world.machine({"StartAt": "Take", "States": {
        "Take": {
            **step("getActivityTask", {"ActivityArn": activity, "WorkerName": "machine"}), "ResultPath": "$.task",
            "Next": "Beat",
        },
        "Beat": {
            **step("sendTaskHeartbeat", {"TaskToken.$": "$.task.TaskToken"}), "ResultPath": "$.beat", "Next": "Done",
        },
        # An object where the API wants a text.
        "Done": task("sendTaskSuccess", {
            "TaskToken.$": "$.task.TaskToken", "Output": {"heard.$": "States.StringToJson($.task.Input)"}
        }),
    }})
    working = world.start(worker)
    execution = world.start(machine, {"n": 1})
    assert json.loads(world.end(execution)["output"]) == {"heard": {"n": 1}}
    described = world.end(working)
    assert (described["status"], described["output"]) == ("SUCCEEDED", "{}")
    succeeded = [event["taskSucceededEventDetails"] for event in world.history(working) if event["type"] == "TaskSucceeded"]
    assert [(details["resourceType"], details["resource"]) for details in succeeded] == [
        ("aws-sdk:sfn", "getActivityTask"), ("aws-sdk:sfn", "sendTaskHeartbeat"), ("aws-sdk:sfn", "sendTaskSuccess")
    ]
    assert sorted(json.loads(succeeded[0]["output"])) == ["Input", "TaskToken"]


def test_a_machine_can_answer_for_a_callback(world):
    activity = world.activity()
    failing = world.states("Work", Work={"Type": "Task", "Resource": activity, "End": True})
    execution = world.start(failing)
    token = world.take(activity)["taskToken"]
    assert call(world, "sendTaskFailure", {"TaskToken": token, "Error": "E", "Cause": {"why": [1]}}) == {}
    described = world.end(execution)
    assert (described["error"], described["cause"]) == ("E", '{"why":[1]}')
    error, message = refused(world, "sendTaskSuccess", {"TaskToken": token, "Output": "1"})
    assert (error, message[:16]) == ("Sfn.TaskTimedOutException", "Task Timed Out: ")


def test_reads_show_what_the_api_shows_in_the_sdks_spelling(sfn, world):
    machine = world.states("A", A={"Type": "Pass", "End": True})
    execution = world.start(machine, {"a": 1})
    world.end(execution)
    described = sfn.describe_execution(executionArn=execution)
    shown = call(world, "describeExecution", {"ExecutionArn": execution})
    assert shown["ExecutionArn"] == execution and shown["Status"] == "SUCCEEDED"
    assert shown["Input"] == '{"a": 1}' and shown["InputDetails"] == {"Included": True}
    assert datetime.datetime.fromisoformat(shown["StartDate"]) == described["startDate"]
    history = call(world, "getExecutionHistory", {"ExecutionArn": execution, "MaxResults": 2})
    assert [event["Type"] for event in history["Events"]] == ["ExecutionStarted", "PassStateEntered"]
    assert history["NextToken"] and history["Events"][1]["StateEnteredEventDetails"]["Name"] == "A"
    listed = call(world, "listExecutions", {"StateMachineArn": machine, "StatusFilter": "SUCCEEDED"})
    assert [item["ExecutionArn"] for item in listed["Executions"]] == [execution]


def test_a_machine_can_make_and_unmake_things(sfn, world):
    made = call(world, "createStateMachine", {
        "Name": world.name("made"), "RoleArn": servers.ROLE_ARN,
        "Definition": {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}},
        "Tags": [{"Key": "By", "Value": "machine"}],
    })
    arn = made["StateMachineArn"]
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "By", "value": "machine"}]
    execution = world.start(arn)
    stopped = call(world, "stopExecution", {"ExecutionArn": execution, "Error": "Stop", "Cause": "of a machine"})
    assert list(stopped) == ["StopDate"]
    assert world.end(execution)["cause"] == "of a machine"
    redriven = call(world, "redriveExecution", {"ExecutionArn": execution})
    assert list(redriven) == ["RedriveDate"]
    sfn.stop_execution(executionArn=execution)
    assert call(world, "deleteStateMachine", {"StateMachineArn": arn}) == {}


def test_exceptions_are_those_of_the_sdk_and_can_be_caught(world):
    missing = servers.activity_arn("missing")
    assert refused(world, "describeActivity", {"ActivityArn": missing}) == (
        "Sfn.ActivityDoesNotExistException", f"Activity Does Not Exist: '{missing}'"
    )
    assert refused(world, "describeExecution", {"ExecutionArn": "x"})[0] == "Sfn.InvalidArnException"
    error, message = refused(world, "listActivities", {"MaxResults": 5000})
    assert error == "Sfn.ValidationException" and message.startswith("1 validation error detected")
    caught = world.machine({"StartAt": "Call", "States": {
        "Call": task("describeActivity", {"ActivityArn": missing}, Catch=[
            {"ErrorEquals": ["Sfn.ActivityDoesNotExistException"], "Next": "Caught"}
        ]),
        "Caught": {"Type": "Pass", "Result": "caught", "End": True},
    }})
    assert world.output(caught) == "caught"


def test_parameters_that_an_action_has_not_start_nothing(world):
    error, cause = call(world, "listActivities", {"maxResults": 1, "Foo": 2})
    assert error == "States.Runtime"
    # Names of fields come in an order of their own.
    for field in ["maxResults", "Foo"]:
        assert f'The field "{field}" is not supported by Step Functions' in cause
    error, cause = call(world, "sendTaskHeartbeat", {})
    assert (error, "The field 'TaskToken' is required but was missing" in cause) == ("States.Runtime", True)


def test_idle_polls_hold_up_no_other_call(sfn, world):
    activity = world.activity()
    poll = world.states("Poll", Poll=task("getActivityTask", {"ActivityArn": activity}))
    waiting = [world.start(poll) for _ in range(50)]
    assert call(world, "listActivities", {"MaxResults": 1})["Activities"]
    for execution in waiting:
        sfn.stop_execution(executionArn=execution)
    # None of the polls that were given up takes the task.
    world.start(world.states("Work", Work={"Type": "Task", "Resource": activity, "End": True}))
    assert world.take(activity)["taskToken"]


@pytest.mark.parametrize("is_allowed", [False, True])
def test_with_credentials_only_tokens_open_anything_unless_it_is_allowed(tmp_path, is_allowed):
    config = tmp_path / "stepwell.toml"
    config.write_text("[aws.sfn]\nallow = true\n" if is_allowed else "")
    with access.running(ADMIN, arguments=["--config", str(config)]) as server:
        world = World(ADMIN.client(server.endpoint))
        activity = world.activity()
        working = world.start(world.states("Work", Work={"Type": "Task", "Resource": activity, "End": True}))
        token = world.take(activity)["taskToken"]
        listed = call(world, "listActivities", {})
        if is_allowed:
            assert [item["ActivityArn"] for item in listed["Activities"]] == [activity]
        else:
            error, cause = listed
            assert error == "Sfn.SfnException" and "not authorized to perform: states:ListActivities" in cause
        assert call(world, "sendTaskSuccess", {"TaskToken": token, "Output": "1"}) == {}
        assert world.end(working)["output"] == "1"
