"""The journey of a person with the AWS CLI: create, start, look, work an activity, stop, delete."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import server as servers

AWS = pathlib.Path(sys.executable).with_name("aws")


@pytest.fixture(scope="module")
def aws(server):
    """Runs `aws stepfunctions ...`; returns what it printed as JSON, or its stderr if it must fail."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL_SFN": server.endpoint,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_DEFAULT_REGION": servers.REGION,
        "AWS_DEFAULT_REGION": servers.REGION,
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments, fails=False):
        done = subprocess.run(
            [str(AWS), "stepfunctions", *arguments, "--output", "json"],
            capture_output=True, text=True, env=environment, timeout=90,
        )
        if fails:
            assert done.returncode != 0, done.stdout
            return done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def test_the_journey(aws):
    activity = aws("create-activity", "--name", "cli-activity")["activityArn"]
    definition = json.dumps({
        "StartAt": "Work",
        "States": {
            "Work": {"Type": "Task", "Resource": activity, "ResultPath": "$.work", "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    })
    machine = aws(
        "create-state-machine", "--name", "cli", "--definition", definition, "--role-arn", servers.ROLE_ARN
    )["stateMachineArn"]
    assert aws("describe-state-machine", "--state-machine-arn", machine)["definition"] == definition
    assert machine in [row["stateMachineArn"] for row in aws("list-state-machines")["stateMachines"]]

    execution = aws(
        "start-execution", "--state-machine-arn", machine, "--name", "first", "--input", '{"n": 1}'
    )["executionArn"]
    task = aws("get-activity-task", "--activity-arn", activity, "--worker-name", "cli")
    assert json.loads(task["input"]) == {"n": 1}
    aws("send-task-heartbeat", "--task-token", task["taskToken"])
    aws("send-task-success", "--task-token", task["taskToken"], "--task-output", '{"by": "hand"}')
    described = servers.until(
        lambda: (row := aws("describe-execution", "--execution-arn", execution))["status"] != "RUNNING" and row
    )
    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"]) == {"n": 1, "work": {"by": "hand"}}
    events = aws("get-execution-history", "--execution-arn", execution)["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted", "ActivitySucceeded",
        "TaskStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded",
    ]
    assert events[3]["activityStartedEventDetails"] == {"workerName": "cli"}

    second = aws("start-execution", "--state-machine-arn", machine, "--name", "second")["executionArn"]
    task = aws("get-activity-task", "--activity-arn", activity)
    aws("send-task-failure", "--task-token", task["taskToken"], "--error", "Mine", "--cause", "no")
    servers.until(lambda: aws("describe-execution", "--execution-arn", second)["status"] == "FAILED")

    third = aws("start-execution", "--state-machine-arn", machine, "--name", "third")["executionArn"]
    aws("stop-execution", "--execution-arn", third, "--error", "Enough")
    rows = aws("list-executions", "--state-machine-arn", machine, "--page-size", "1")["executions"]
    assert {row["name"]: row["status"] for row in rows} == {
        "first": "SUCCEEDED", "second": "FAILED", "third": "ABORTED"
    }
    rows = aws("list-executions", "--state-machine-arn", machine, "--status-filter", "FAILED")["executions"]
    assert [row["name"] for row in rows] == ["second"]

    new = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    aws("update-state-machine", "--state-machine-arn", machine, "--definition", new)
    assert aws("describe-state-machine", "--state-machine-arn", machine)["definition"] == new
    pinned = aws("describe-state-machine-for-execution", "--execution-arn", second)
    assert pinned["definition"] == definition

    aws("delete-activity", "--activity-arn", activity)
    aws("delete-state-machine", "--state-machine-arn", machine)
    servers.until(
        lambda: machine not in [row["stateMachineArn"] for row in aws("list-state-machines")["stateMachines"]]
    )


def test_refusals_reach_the_person(aws):
    arn = f"arn:aws:states:{servers.REGION}:{servers.ACCOUNT}:stateMachine:nothing"
    assert "(StateMachineDoesNotExist)" in aws("describe-state-machine", "--state-machine-arn", arn, fails=True)
    stderr = aws(
        "create-state-machine", "--name", "bad", "--definition", "{}", "--role-arn", servers.ROLE_ARN, fails=True
    )
    assert "(InvalidDefinition)" in stderr and "SCHEMA_VALIDATION_FAILED" in stderr


def test_pages_are_followed(aws):
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    for number in range(3):
        aws("create-state-machine", "--name", f"page-{number}", "--definition", definition,
            "--role-arn", servers.ROLE_ARN)
    names = [row["name"] for row in aws("list-state-machines", "--page-size", "1")["stateMachines"]]
    assert {"page-0", "page-1", "page-2"} <= set(names) and len(names) == len(set(names))
