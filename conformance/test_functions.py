"""Handlers in Python, in Node and as executables, good and bad, through the built-in runner."""

import json
import pathlib
import time

import pytest
import server as servers
from conftest import lines


def by_arn(world, name, **fields):
    return world.states("Call", Call={
        "Type": "Task", "Resource": servers.function_arn(name), "End": True, **fields
    })


def by_invoke(world, name, payload=None, **fields):
    parameters = {"FunctionName": name}
    parameters.update({"Payload.$": "$"} if payload is None else {"Payload": payload})
    return world.states("Call", Call={
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "End": True, **fields
    })


def failure(world, machine, value=None, seconds=30):
    """Error and cause of a run that must fail; the cause is parsed if it is JSON."""
    described, history = world.run(machine, value, seconds)
    assert described["status"] == "FAILED", described.get("output")
    cause = described.get("cause")
    try:
        cause = json.loads(cause)
    except (TypeError, ValueError):
        pass
    return described["error"], cause, history


def test_a_function_by_arn_gives_its_result(world):
    described, history = world.run(by_arn(world, "echo"), {"a": [1, "ü"]})
    assert json.loads(described["output"]) == {"a": [1, "ü"]}
    assert lines(history) == [
        "1<0 ExecutionStarted",
        "2<0 TaskStateEntered Call",
        "3<2 LambdaFunctionScheduled",
        "4<3 LambdaFunctionStarted",
        "5<4 LambdaFunctionSucceeded",
        "6<5 TaskStateExited Call",
        "7<6 ExecutionSucceeded",
    ]
    scheduled = history[2]["lambdaFunctionScheduledEventDetails"]
    assert scheduled["resource"] == servers.function_arn("echo")
    assert json.loads(scheduled["input"]) == {"a": [1, "ü"]}


def test_lambda_invoke_gives_the_answer_of_the_lambda_service(world):
    described, history = world.run(by_invoke(world, "echo"), {"a": 1})
    output = json.loads(described["output"])
    assert output["Payload"] == {"a": 1}
    assert output["StatusCode"] == 200
    assert output["ExecutedVersion"] == "$LATEST"
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert output["SdkResponseMetadata"]["RequestId"]
    assert [line.split(" ", 1)[1] for line in lines(history)] == [
        "ExecutionStarted", "TaskStateEntered Call", "TaskScheduled", "TaskStarted", "TaskSucceeded",
        "TaskStateExited Call", "ExecutionSucceeded",
    ]
    scheduled = history[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"], scheduled["region"]) == (
        "lambda", "invoke", servers.REGION
    )
    assert json.loads(scheduled["parameters"]) == {"FunctionName": "echo", "Payload": {"a": 1}}


@pytest.mark.parametrize("name", [
    "echo",
    "arn:aws:lambda:us-east-1:000000000000:function:echo",
    "arn:aws:lambda:eu-central-1:123456789012:function:echo",
])
def test_a_function_is_found_by_the_last_part_of_its_name(world, name):
    assert world.output(by_invoke(world, name), {"n": 1})["Payload"] == {"n": 1}


@pytest.mark.parametrize("value", [None, 0, 0.5, "text", [], [1, [2]], {"deep": {"er": None}}, True, 1234567890123])
def test_every_json_value_passes_through(world, value):
    payload = {"v": value}
    assert world.output(by_invoke(world, "echo", payload))["Payload"] == payload
    assert world.output(by_invoke(world, "echo-module", payload))["Payload"]["event"] == payload


def test_a_node_module_and_an_older_callback_handler(world):
    answer = world.output(by_arn(world, "echo-module"), {"a": 1})
    assert answer["event"] == {"a": 1} and len(answer["requestId"]) == 36
    assert world.output(by_arn(world, "echo-callback"), {"b": 2}) == {"b": 2}


def test_an_executable_that_speaks_the_runtime_api(world):
    assert world.output(by_arn(world, "executable"), {"a": 1}) == {"executable": {"a": 1}}
    error, cause, _ = failure(world, by_arn(world, "executable"), {"raise": "Mine"})
    assert error == "Mine" and cause["errorMessage"] == "as asked"


def test_an_exception_in_python_is_the_error_of_the_task(world):
    error, cause, history = failure(world, by_arn(world, "raise"))
    assert error == "Trouble"
    assert cause["errorType"] == "Trouble"
    assert cause["errorMessage"] == "this went wrong"
    assert len(cause["requestId"]) == 36
    assert any('File "/var/task/handlers.py"' in line and "in fail" in line for line in cause["stackTrace"]), cause
    assert lines(history)[3:] == ["4<3 LambdaFunctionStarted", "5<4 LambdaFunctionFailed", "6<5 ExecutionFailed"]


def test_an_exception_in_node_is_the_error_of_the_task(world):
    error, cause, _ = failure(world, by_invoke(world, "raise-module"))
    assert error == "Trouble"
    assert (cause["errorType"], cause["errorMessage"]) == ("Trouble", "this went wrong")
    assert isinstance(cause["trace"], list)


def test_a_retrier_calls_again_until_it_succeeds(world):
    machine = by_invoke(
        world,
        "flaky",
        {"attempt.$": "$$.State.RetryCount", "succeedsAt": 2},
        Retry=[{"ErrorEquals": ["Trouble"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}],
    )
    described, history = world.run(machine)
    assert json.loads(described["output"])["Payload"] == {"attempt": 2}
    kinds = [event["type"] for event in history]
    assert kinds.count("TaskScheduled") == 3 and kinds.count("TaskFailed") == 2
    assert kinds.count("TaskStateEntered") == 1, "a retry does not enter the state again"
    pauses = [
        (after["timestamp"] - before["timestamp"]).total_seconds()
        for before, after in zip(history, history[1:])
        if before["type"] == "TaskFailed"
    ]
    assert all(1.0 <= pause < 5 for pause in pauses), pauses


def test_a_retrier_that_is_exhausted_leaves_the_last_error(world):
    machine = by_arn(
        world, "raise", Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    )
    error, _, history = failure(world, machine)
    assert error == "Trouble"
    assert [event["type"] for event in history].count("LambdaFunctionFailed") == 2


def test_a_catcher_goes_on_with_error_and_cause(world):
    machine = world.states(
        "Call",
        Call={
            "Type": "Task",
            "Resource": servers.function_arn("raise"),
            "Catch": [
                {"ErrorEquals": ["Other"], "Next": "Wrong"},
                {"ErrorEquals": ["Trouble"], "ResultPath": "$.failure", "Next": "Right"},
            ],
            "End": True,
        },
        Wrong={"Type": "Fail"},
        Right={"Type": "Pass", "End": True},
    )
    output = world.output(machine, {"kept": 1})
    assert output["kept"] == 1 and output["failure"]["Error"] == "Trouble"
    assert json.loads(output["failure"]["Cause"])["errorMessage"] == "this went wrong"


def test_a_process_that_ends_in_the_call_is_lambda_unknown_and_is_replaced(world):
    for name in ["vanish", "vanish-module"]:
        for _ in range(3):
            error, cause, _ = failure(world, by_arn(world, name))
            assert error in ("Lambda.Unknown", "Runtime.ExitError"), (error, cause)
    assert world.output(by_arn(world, "echo"), {"still": "works"}) == {"still": "works"}


def test_a_function_that_takes_longer_than_it_may_is_ended(world):
    error, cause, _ = failure(world, by_arn(world, "impatient"), {"seconds": 60})
    assert error in ("Sandbox.Timedout", "States.TaskFailed"), (error, cause)
    assert "Task timed out after 1.00 seconds" in json.dumps(cause)


def test_a_state_that_takes_longer_than_its_timeout_is_states_timeout(world):
    began = time.monotonic()
    error, _, history = failure(world, by_arn(world, "sleep", TimeoutSeconds=1), {"seconds": 20})
    assert error == "States.Timeout"
    assert time.monotonic() - began < 15
    assert lines(history)[-2:] == ["5<4 LambdaFunctionTimedOut", "6<5 ExecutionFailed"]


def test_what_a_handler_leaves_behind_dies_at_its_timeout(world, tmp_path):
    notes = tmp_path / "child"
    failure(world, by_arn(world, "fork"), {"notes": str(notes)})
    child = int(notes.read_text())
    servers.until(lambda: not alive(child), 10, "the end of the child that ignores SIGTERM")


def test_noise_on_stdout_and_stderr_is_only_noise(server, world):
    for _ in range(3):
        assert world.output(by_arn(world, "noisy")) == {"said": "much"}
    # The protocol of the server's own stdout is one line, whatever handlers print.
    assert server.process.poll() is None


def test_a_result_that_is_no_json_is_an_error_of_the_runtime(world):
    error, cause, _ = failure(world, by_arn(world, "unspeakable"))
    assert error == "Runtime.MarshalError", (error, cause)


def test_a_handler_that_does_not_exist_or_does_not_load(world):
    error, _, _ = failure(world, by_arn(world, "no-such-handler"))
    assert error == "Runtime.HandlerNotFound"
    error, cause, _ = failure(world, by_arn(world, "does-not-load"))
    assert error == "Runtime.ImportModuleError"
    assert "no_such_module" in cause["errorMessage"]


def test_a_function_that_is_not_listed_is_not_found(world):
    described, _ = world.run(by_invoke(world, "never-heard-of"))
    assert described["error"] == "Lambda.ResourceNotFoundException"
    assert "Function not found: arn:aws:lambda:us-east-1:000000000000:function:never-heard-of" in described["cause"]


def test_a_result_above_256_kib_is_a_data_limit(world):
    assert len(world.output(by_arn(world, "large"), {"bytes": 200_000})["text"]) == 200_000
    error, _, _ = failure(world, by_arn(world, "large"), {"bytes": 300_000})
    assert error == "States.DataLimitExceeded"


def test_a_handler_sees_a_bare_environment_and_its_context(world, monkeypatch):
    seen = world.output(by_arn(world, "about"))
    assert seen["environment"]["STAGE"] == "test"
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "about"
    assert seen["functionName"] == "about"
    assert 0 < seen["remaining"] <= 3000
    assert len(seen["requestId"]) == 36
    assert "STEPWELL_BINARY" not in seen["environment"] and "PYTEST_CURRENT_TEST" not in seen["environment"]


def test_the_same_process_serves_call_after_call(world):
    machine = by_arn(world, "about")
    first, second = world.output(machine), world.output(machine)
    assert first["pid"] == second["pid"]
    assert first["requestId"] != second["requestId"]


def test_concurrency_holds_back_what_is_too_much(world, tmp_path):
    notes = tmp_path / "notes"
    machine = by_arn(world, "sleep")
    executions = [world.start(machine, {"seconds": 0.5, "notes": str(notes)}) for _ in range(12)]
    for execution in executions:
        assert world.end(execution)["status"] == "SUCCEEDED"
    most = open_now = 0
    for line in notes.read_text().splitlines():
        open_now += 1 if line.startswith("began") else -1
        most = max(most, open_now)
    assert 1 < most <= 4, "concurrency of this function is 4"


def test_a_call_of_a_stopped_execution_runs_to_its_end_and_frees_its_slot(sfn, world, tmp_path):
    # As on AWS: StopExecution ends the execution at once, and does not reach into a running function.
    notes = tmp_path / "notes"
    machine = by_arn(world, "sleep-alone")
    stopped = [world.start(machine, {"seconds": 1.5, "notes": str(notes)}) for _ in range(4)]
    servers.until(lambda: notes.exists() and notes.read_text().count("began") == 4, 20, "four busy workers")
    for execution in stopped:
        sfn.stop_execution(executionArn=execution)
        assert world.end(execution)["status"] == "ABORTED"
    assert world.output(machine, {"seconds": 0}) == {"slept": 0}
    servers.until(lambda: notes.read_text().count("ended") == 4, 20, "the end of the four calls")
    for execution in stopped:
        assert world.history(execution)[-1]["type"] == "ExecutionAborted", "a late result changes nothing"


def alive(pid):
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
