"""TestState with boto3 and the AWS CLI, both told not to put `sync-` before the host."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import server as servers
from botocore.exceptions import ClientError

AWS = pathlib.Path(sys.executable).with_name("aws")
INVOKE = "arn:aws:states:::lambda:invoke"


@pytest.fixture(scope="module")
def client(server):
    return server.client(inject_host_prefix=False)


@pytest.fixture(scope="module")
def state(client):
    """Tests a state (an object); what it is given and what comes of it are objects, too."""

    def run(definition, value=None, **more):
        answer = client.test_state(
            definition=json.dumps(definition), roleArn=servers.ROLE_ARN,
            input=json.dumps({} if value is None else value), **more,
        )
        answer.pop("ResponseMetadata")
        return answer

    return run


def mocked(result=None, error=None, mode=None):
    mock = {"result": json.dumps(result)} if error is None else {"errorOutput": error}
    return {"mock": {**mock, **({"fieldValidationMode": mode} if mode else {})}}


def refusal(call):
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_function_is_really_invoked(state):
    task = {"Type": "Task", "Resource": servers.function_arn("echo"), "ResultPath": "$.echoed", "Next": "Z"}
    answer = state(task, {"a": 1}, inspectionLevel="DEBUG")
    assert json.loads(answer["output"]) == {"a": 1, "echoed": {"a": 1}}
    assert (answer["status"], answer["nextState"]) == ("SUCCEEDED", "Z")
    assert json.loads(answer["inspectionData"]["result"]) == {"a": 1}
    task = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "echo", "Payload": {"b": 2}}, "End": True}
    assert json.loads(state(task)["output"])["Payload"] == {"b": 2}


def test_what_is_not_there_fails_the_test_and_not_the_call(state):
    task = {"Type": "Task", "Resource": servers.function_arn("nobody"), "End": True}
    assert state(task)["status"] == "FAILED"
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": True}
    assert "No integration is configured" in state(task)["cause"]


def test_a_wait_is_waited_for_and_a_long_one_times_out(state):
    wait = {"Type": "Wait", "SecondsPath": "$.s", "Next": "Z"}
    answer = state(wait, {"s": 1})
    assert (answer["status"], answer["nextState"]) == ("SUCCEEDED", "Z")
    answer = state(wait, {"s": 301})
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")


def test_mocks_stand_in_for_services_functions_and_iterations(state):
    task = {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody": "m", "Token.$": "$$.Task.Token"},
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Sorry"}], "End": True,
    }
    answer = state(task, inspectionLevel="DEBUG", **mocked({"any": "thing"}))
    assert json.loads(answer["output"]) == {"any": "thing"}
    assert json.loads(answer["inspectionData"]["afterParameters"])["Token"]
    busy = {"error": "Busy", "cause": "later"}
    answer = state(task, inspectionLevel="DEBUG", stateConfiguration={"retrierRetryCount": 1}, **mocked(error=busy))
    assert answer["status"] == "RETRIABLE"
    assert answer["inspectionData"]["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 4}
    answer = state(task, stateConfiguration={"retrierRetryCount": 2}, **mocked(error=busy))
    assert (answer["status"], answer["nextState"]) == ("CAUGHT_ERROR", "Sorry")
    assert json.loads(answer["output"]) == {"error": {"Error": "Busy", "Cause": "later"}}

    each = {
        "Type": "Map", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}},
        "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "ToleratedFailureCount": 0, "End": True,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}},
        },
    }
    answer = state(
        each, inspectionLevel="DEBUG", stateConfiguration={"mapItemReaderData": "[1, 2]", "mapIterationFailureCount": 1},
        **mocked([1, 4]),
    )
    assert (answer["status"], answer["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    assert json.loads(answer["inspectionData"]["afterItemSelector"]) == [{"v": 1}, {"v": 2}]


def test_refusals(client, state):
    each = {"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}], "End": True}
    code, message = refusal(lambda: state(each))
    assert code == "InvalidDefinition" and message.startswith("TestState API does not support Map or Parallel states.")
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync",
            "Parameters": {"StateMachineArn": "m"}, "End": True}
    assert refusal(lambda: state(task))[0] == "InvalidDefinition"
    message = "Mock result schema validation error: Required field 'StateMachineArn' is missing"
    assert refusal(lambda: state(task, **mocked({"ExecutionArn": "x"}))) == ("ValidationException", message)
    assert state(task, **mocked({"ExecutionArn": "x"}, mode="PRESENT"))["status"] == "SUCCEEDED"
    assert refusal(lambda: state({"Type": "Pass", "Nxt": "B"}))[0] == "InvalidDefinition"
    assert refusal(lambda: client.test_state(definition="{", input="{}"))[0] == "InvalidDefinition"
    passes = json.dumps({"Type": "Pass", "End": True})
    assert refusal(lambda: client.test_state(definition=passes, input="{"))[0] == "InvalidExecutionInput"
    assert refusal(lambda: client.test_state(definition=passes, variables="[]"))[0] == "ValidationException"
    assert refusal(lambda: client.test_state(definition=passes, context="{}"))[0] == "ValidationException"


def test_the_whole_machine_with_the_aws_cli(server):
    machine = {
        "QueryLanguage": "JSONata", "StartAt": "Each", "States": {
            "Each": {
                "Type": "Map", "Items": "{% $states.input %}", "Next": "Last", "ItemProcessor": {
                    "StartAt": "Double", "States": {
                        "Double": {"Type": "Pass", "Output": "{% $states.input * $factor %}", "End": True},
                    },
                },
            },
            "Last": {"Type": "Succeed"},
        },
    }

    def aws(*arguments, **environment):
        done = subprocess.run(
            [str(AWS), "stepfunctions", "test-state", "--definition", json.dumps(machine), *arguments],
            capture_output=True, text=True, timeout=90, env={
                **os.environ, "AWS_ENDPOINT_URL_SFN": server.endpoint, "AWS_ACCESS_KEY_ID": "tests",
                "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": servers.REGION, "AWS_PAGER": "",
                "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_DISABLE_HOST_PREFIX_INJECTION": "true", **environment,
            },
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    answer = aws("--state-name", "Double", "--input", "21", "--variables", '{"factor": 2}')
    assert answer == {"output": "42", "status": "SUCCEEDED"}
    answer = aws("--state-name", "Each", "--input", "[1, 2]", "--mock", json.dumps({"result": "[2, 4]"}))
    assert answer == {"output": "[2, 4]", "nextState": "Last", "status": "SUCCEEDED"}
