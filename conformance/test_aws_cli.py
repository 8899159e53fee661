"""The AWS CLI: the journey of a person (create, start, look, work an activity, stop, delete), every command."""

import json
import os
import pathlib
import re
import subprocess
import sys

import model
import pytest
import server as servers

AWS = pathlib.Path(sys.executable).with_name("aws")


def runner(endpoint, **more):
    """What runs `aws stepfunctions ...`, and returns the JSON it printed, or its stderr if it must fail."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL_SFN": endpoint,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_DEFAULT_REGION": servers.REGION,
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
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


@pytest.fixture(scope="module")
def aws(server):
    return runner(server.endpoint)


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


PASS = '{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}'


def create(aws, name, *more, definition=PASS):
    return aws(
        "create-state-machine", "--name", name, "--definition", definition, "--role-arn", servers.ROLE_ARN, *more
    )["stateMachineArn"]


def ended(aws, execution):
    return servers.until(
        lambda: (row := aws("describe-execution", "--execution-arn", execution))["status"] != "RUNNING" and row
    )


def test_a_definition_is_validated_and_activities_are_described(aws):
    found = aws("validate-state-machine-definition", "--definition", '{"StartAt": "P"}')
    assert found["result"] == "FAIL"
    activity = aws("create-activity", "--name", "described")["activityArn"]
    assert aws("describe-activity", "--activity-arn", activity)["name"] == "described"
    assert activity in [row["activityArn"] for row in aws("list-activities")["activities"]]


# Two commands put `sync-` before the host. A setting keeps it away.
@pytest.fixture(scope="module")
def unprefixed(server):
    return runner(server.endpoint, AWS_DISABLE_HOST_PREFIX_INJECTION="true")


# Without it, the name has to lead to this machine; here a program that resolves it stands in for a line
# in /etc/hosts.
@pytest.fixture(scope="module")
def named(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    (folder / "sitecustomize.py").write_text(
        "import socket\n"
        "resolve = socket.getaddrinfo\n"
        "def here(host, *rest, **options):\n"
        "    return resolve('127.0.0.1' if host == 'sync-localhost' else host, *rest, **options)\n"
        "socket.getaddrinfo = here\n"
    )
    endpoint = server.endpoint.replace("127.0.0.1", "localhost")
    return runner(endpoint, PYTHONPATH=str(folder))


@pytest.mark.parametrize("way", ["unprefixed", "named"])
def test_a_state_is_tested(request, way):
    aws = request.getfixturevalue(way)
    tested = aws("test-state", "--definition", '{"Type": "Pass", "Result": 1, "End": true}')
    assert (tested["status"], tested["output"]) == ("SUCCEEDED", "1")


def test_an_express_machine_runs(aws, unprefixed):
    machine = create(aws, "cli-express", "--type", "EXPRESS")
    done = unprefixed("start-sync-execution", "--state-machine-arn", machine, "--input", '{"n": 1}')
    assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"n": 1})
    assert ":express:cli-express:" in aws("start-execution", "--state-machine-arn", machine)["executionArn"]


def test_versions_and_aliases(aws):
    machine = create(aws, "cli-versions")
    version = aws("publish-state-machine-version", "--state-machine-arn", machine)["stateMachineVersionArn"]
    rows = aws("list-state-machine-versions", "--state-machine-arn", machine)["stateMachineVersions"]
    assert [row["stateMachineVersionArn"] for row in rows] == [version]
    alias = aws(
        "create-state-machine-alias", "--name", "live",
        "--routing-configuration", f"stateMachineVersionArn={version},weight=100",
    )["stateMachineAliasArn"]
    aws("update-state-machine-alias", "--state-machine-alias-arn", alias, "--description", "now")
    assert aws("describe-state-machine-alias", "--state-machine-alias-arn", alias)["description"] == "now"
    rows = aws("list-state-machine-aliases", "--state-machine-arn", machine)["stateMachineAliases"]
    assert [row["stateMachineAliasArn"] for row in rows] == [alias]
    execution = aws("start-execution", "--state-machine-arn", alias)["executionArn"]
    assert ended(aws, execution)["stateMachineAliasArn"] == alias
    assert "(ConflictException)" in aws(
        "delete-state-machine-version", "--state-machine-version-arn", version, fails=True
    )
    aws("delete-state-machine-alias", "--state-machine-alias-arn", alias)
    aws("delete-state-machine-version", "--state-machine-version-arn", version)


def test_tags(aws):
    machine = create(aws, "cli-tags", "--tags", "key=a,value=1")
    aws("tag-resource", "--resource-arn", machine, "--tags", "key=b,value=2")
    aws("untag-resource", "--resource-arn", machine, "--tag-keys", "a")
    assert aws("list-tags-for-resource", "--resource-arn", machine)["tags"] == [{"key": "b", "value": "2"}]


def test_redrive(aws):
    machine = create(aws, "cli-redrive", definition='{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}')
    execution = aws("start-execution", "--state-machine-arn", machine)["executionArn"]
    ended(aws, execution)
    assert aws("redrive-execution", "--execution-arn", execution)["redriveDate"]
    assert aws("describe-execution", "--execution-arn", execution)["redriveCount"] == 1


def test_map_runs(aws):
    execution = aws("start-execution", "--state-machine-arn", create(aws, "cli-map-runs"))["executionArn"]
    assert aws("list-map-runs", "--execution-arn", execution)["mapRuns"] == []
    run = f"arn:aws:states:{servers.REGION}:{servers.ACCOUNT}:mapRun:m/l:6b3a2a9c-0000-0000-0000-000000000000"
    for arguments in (["describe-map-run"], ["update-map-run", "--max-concurrency", "1"]):
        stderr = aws(arguments[0], "--map-run-arn", run, *arguments[1:], fails=True)
        assert "(ResourceNotFound)" in stderr


def test_every_operation_is_called_in_this_file():
    text = pathlib.Path(__file__).read_text()
    commands = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in model.read()}
    assert {command for command in commands if f'"{command}"' not in text} == set()
