"""Redrive: what failed is done again, what succeeded is not, whatever happens to the server meanwhile."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import server as servers
from conftest import World, lines

FAIL = {"StartAt": "Only", "States": {"Only": {"Type": "Fail", "Error": "Broken", "Cause": "for good"}}}


@pytest.fixture
def server():
    with servers.running() as running:
        yield running


class Effects:
    """A machine of calls that each leave an effect; one of them needs a file that is not there yet."""

    def __init__(self, world, folder):
        self.world = world
        self.effects, self.needs = folder / "effects", folder / "needs"

    def call(self, who, needs=False, **fields):
        parameters = {"effects": str(self.effects), "who": who}
        if needs:
            parameters["needs"] = str(self.needs)
        return {
            "Type": "Task", "Resource": servers.function_arn("tally"), "Parameters": parameters, "End": True, **fields
        }

    def mend(self):
        self.needs.touch()

    def counted(self):
        """How often each was called; no two calls may have the same request id."""
        rows = [row.split() for row in self.effects.read_text().splitlines()]
        assert len({request for _, request in rows}) == len(rows), rows
        counts = {}
        for who, _ in rows:
            counts[who] = counts.get(who, 0) + 1
        return counts


def sequence(calls, seconds=0):
    first, second = calls.call("first", Next="Second"), calls.call("second", needs=True)
    del first["End"]
    second["Parameters"]["seconds"] = seconds
    return calls.world.states("First", First=first, Second=second)


def test_a_call_that_failed_is_made_again_and_one_that_succeeded_is_not(server, tmp_path):
    world = World(server.client())
    calls = Effects(world, tmp_path)
    machine = sequence(calls)
    failed, before = world.run(machine)
    assert (failed["status"], failed["error"]) == ("FAILED", "Trouble")
    assert (failed["redriveCount"], failed["redriveStatus"]) == (0, "REDRIVABLE")
    assert "redriveDate" not in failed and "redriveStatusReason" not in failed
    calls.mend()
    execution = failed["executionArn"]
    redriven_at = world.sfn.redrive_execution(executionArn=execution)["redriveDate"]
    done = world.end(execution)
    assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"by": "second"})
    assert "error" not in done and "cause" not in done
    assert (done["redriveCount"], done["redriveDate"]) == (1, redriven_at)
    assert done["startDate"] == failed["startDate"] and done["stopDate"] > failed["stopDate"]
    assert calls.counted() == {"first": 1, "second": 2}
    history = world.history(execution)
    assert history[: len(before)] == before
    assert lines(history)[len(before) :] == [
        "12<11 ExecutionRedriven",
        "13<7 LambdaFunctionScheduled",
        "14<13 LambdaFunctionStarted",
        "15<14 LambdaFunctionSucceeded",
        "16<15 TaskStateExited Second",
        "17<16 ExecutionSucceeded",
    ]
    assert history[11]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert history[11]["timestamp"] == redriven_at
    (listed,) = world.sfn.list_executions(stateMachineArn=machine)["executions"]
    assert (listed["redriveCount"], listed["redriveDate"]) == (1, redriven_at)


def test_branches_that_succeeded_are_not_called_again(server, tmp_path):
    world = World(server.client())
    calls = Effects(world, tmp_path)
    branch = lambda who, **how: {"StartAt": who, "States": {who: calls.call(who, **how)}}
    machine = world.states("Both", Both={
        "Type": "Parallel",
        "Branches": [
            branch("good"),
            {"StartAt": "Wait", "States": {
                "Wait": {"Type": "Wait", "Seconds": 2, "Next": "bad"}, "bad": calls.call("bad", needs=True)
            }},
        ],
        "End": True,
    })
    failed, _ = world.run(machine)
    assert failed["status"] == "FAILED"
    calls.mend()
    world.sfn.redrive_execution(executionArn=failed["executionArn"])
    done = world.end(failed["executionArn"])
    assert json.loads(done["output"]) == [{"by": "good"}, {"by": "bad"}]
    assert calls.counted() == {"good": 1, "bad": 2}


def test_iterations_that_succeeded_are_not_called_again(server, tmp_path):
    world = World(server.client())
    calls = Effects(world, tmp_path)
    step, needy = calls.call(None), calls.call(None, needs=True)
    for state in (step, needy):
        del state["Parameters"]["who"]
        state["Parameters"]["who.$"] = "$.who"
    machine = world.states("Each", Each={
        "Type": "Map", "MaxConcurrency": 1, "End": True,
        "ItemProcessor": {"StartAt": "Which", "States": {
            "Which": {
                "Type": "Choice", "Default": "Step",
                "Choices": [{"Variable": "$.who", "StringEquals": "b", "Next": "Needy"}],
            },
            "Step": step, "Needy": needy,
        }},
    })
    failed, _ = world.run(machine, [{"who": "a"}, {"who": "b"}, {"who": "c"}])
    assert failed["status"] == "FAILED"
    assert calls.counted() == {"a": 1, "b": 1}
    calls.mend()
    world.sfn.redrive_execution(executionArn=failed["executionArn"])
    done = world.end(failed["executionArn"])
    assert json.loads(done["output"]) == [{"by": "a"}, {"by": "b"}, {"by": "c"}]
    assert calls.counted() == {"a": 1, "b": 2, "c": 1}


def test_the_server_is_killed_between_the_end_and_the_redrive(server, tmp_path):
    world = World(server.client())
    calls = Effects(world, tmp_path)
    failed, _ = world.run(sequence(calls))
    server.kill()
    server.start()
    world = World(server.client())
    calls.mend()
    world.sfn.redrive_execution(executionArn=failed["executionArn"])
    assert world.end(failed["executionArn"])["status"] == "SUCCEEDED"
    assert calls.counted() == {"first": 1, "second": 2}


@pytest.mark.parametrize("round", range(3))
def test_the_server_is_killed_right_after_the_redrive(server, tmp_path, round):
    world = World(server.client())
    calls = Effects(world, tmp_path)
    failed, _ = world.run(sequence(calls, seconds=2))
    execution = failed["executionArn"]
    calls.mend()
    token = "the-same-request"
    redriven_at = world.sfn.redrive_execution(executionArn=execution, clientToken=token)["redriveDate"]
    server.kill()
    server.start()
    world = World(server.client())
    described = world.end(execution)
    assert (described["redriveCount"], described["redriveDate"]) == (1, redriven_at)
    # The redrive is durable, and the call was made once at most: whether it was cannot be known.
    assert described["error"] == "Stepwell.OutcomeUnknown", described
    assert calls.counted()["second"] in (1, 2) and calls.counted()["first"] == 1
    again = world.sfn.redrive_execution(executionArn=execution, clientToken=token)
    assert again["redriveDate"] == redriven_at
    assert world.sfn.describe_execution(executionArn=execution)["redriveCount"] == 1
    before = calls.counted()["second"]
    world.sfn.redrive_execution(executionArn=execution)
    assert world.end(execution)["status"] == "SUCCEEDED"
    assert calls.counted() == {"first": 1, "second": before + 1}


def test_a_redriven_activity_is_handed_out_anew_also_after_kill_9(server):
    world = World(server.client())
    activity = world.activity()
    machine = world.states("Work", Work={"Type": "Task", "Resource": activity, "TimeoutSeconds": 60, "End": True})
    execution = world.start(machine)
    old = world.take(activity)["taskToken"]
    stopped_at = world.sfn.stop_execution(executionArn=execution, error="Enough", cause="by hand")["stopDate"]
    assert world.sfn.stop_execution(executionArn=execution)["stopDate"] == stopped_at
    aborted = world.end(execution)
    assert (aborted["status"], aborted["error"], aborted["stopDate"]) == ("ABORTED", "Enough", stopped_at)
    ended = world.refused("TaskTimedOut", "send_task_success", taskToken=old, output="1")
    assert ended == f"Task Timed Out: '{activity}'"
    world.sfn.redrive_execution(executionArn=execution)
    server.kill()
    server.start()
    world = World(server.client())
    for call, more in [("send_task_success", {"output": "1"}), ("send_task_failure", {}), ("send_task_heartbeat", {})]:
        world.refused("TaskTimedOut", call, taskToken=old, **more)
    new = world.take(activity)["taskToken"]
    assert new != old
    world.sfn.send_task_success(taskToken=new, output="2")
    assert world.end(execution)["output"] == "2"
    assert lines(world.history(execution))[4:] == [
        "5<0 ExecutionAborted",
        "6<5 ExecutionRedriven",
        "7<2 ActivityScheduled",
        "8<7 ActivityStarted",
        "9<8 ActivitySucceeded",
        "10<9 TaskStateExited Work",
        "11<10 ExecutionSucceeded",
    ]


def test_a_machine_that_timed_out_gets_its_time_again(server):
    world = World(server.client())
    activity = world.activity()
    machine = world.machine({"TimeoutSeconds": 2, "StartAt": "Work", "States": {
        "Work": {"Type": "Task", "Resource": activity, "End": True}
    }})
    execution = world.start(machine)
    late = world.take(activity)["taskToken"]
    timed_out = world.end(execution)
    assert timed_out["status"] == "TIMED_OUT" and "error" not in timed_out
    (last,) = world.history(execution)[-1:]
    assert (last["previousEventId"], last["executionTimedOutEventDetails"]) == (0, {"error": "States.Timeout"})
    world.refused("TaskTimedOut", "send_task_success", taskToken=late, output="1")
    for count in (1, 2):
        redriven_at = world.sfn.redrive_execution(executionArn=execution)["redriveDate"]
        if count == 1:
            described = world.end(execution)
            assert (described["status"], described["redriveCount"]) == ("TIMED_OUT", 1)
            assert 2.0 <= (described["stopDate"] - redriven_at).total_seconds() < 10
    world.sfn.send_task_success(taskToken=world.take(activity)["taskToken"], output="1")
    assert world.end(execution)["status"] == "SUCCEEDED"


def test_what_cannot_be_redriven_is_refused_with_the_reason(server):
    world = World(server.client())
    waiting = world.start(world.states("Hold", Hold={"Type": "Wait", "Seconds": 60, "End": True}))

    def refused(execution, reason):
        message = world.refused("ExecutionNotRedrivable", "redrive_execution", executionArn=execution)
        assert message == f"Execution {execution} invalid for redrive as: {reason}"
        described = world.sfn.describe_execution(executionArn=execution)
        assert (described["redriveStatus"], described["redriveStatusReason"]) == ("NOT_REDRIVABLE", reason)

    refused(waiting, "Execution is RUNNING and cannot be redriven")
    done, _ = world.run(world.states("Only", Only={"Type": "Succeed"}))
    refused(done["executionArn"], "Execution is SUCCEEDED and cannot be redriven")
    machine = world.machine(FAIL)
    failed, _ = world.run(machine)
    world.sfn.redrive_execution(executionArn=failed["executionArn"])
    assert lines(world.history(failed["executionArn"]))[2:] == [
        "3<2 ExecutionFailed", "4<3 ExecutionRedriven", "5<4 ExecutionFailed"
    ]
    world.sfn.delete_state_machine(stateMachineArn=machine)
    refused(failed["executionArn"], "State machine is in DELETING status")
    missing = failed["executionArn"] + "-not"
    assert world.refused("ExecutionDoesNotExist", "redrive_execution", executionArn=missing) == (
        f"Execution Does Not Exist: '{missing}'"
    )
    express = failed["executionArn"].replace(":execution:", ":express:") + ":1"
    assert world.refused("InvalidArn", "redrive_execution", executionArn=express) == (
        "Invalid Arn: 'Resource type not valid in this context: express'"
    )


def test_limits_of_redrives_can_be_set(tmp_path):
    config = tmp_path / "stepwell.toml"

    def reason(limit, definition, wait=0):
        config.write_text(f"[limits]\n{limit}\n")
        with servers.running(arguments=("--config", str(config))) as server:
            world = World(server.client())
            ended, _ = world.run(world.machine(definition))
            time.sleep(wait)
            message = world.refused("ExecutionNotRedrivable", "redrive_execution", executionArn=ended["executionArn"])
            described = world.sfn.describe_execution(executionArn=ended["executionArn"])
            assert message.endswith(described["redriveStatusReason"])
            return described["redriveStatusReason"]

    assert reason("redrive_seconds_max = 1", FAIL, wait=1.2) == "Execution redrivable period exceeded"
    assert reason("history_events_max = 4", FAIL) == "Execution history event limit exceeded"
    hold = {"StartAt": "Hold", "States": {"Hold": {"Type": "Wait", "Seconds": 60, "End": True}}}
    assert reason("execution_seconds_max = 1", hold) == "Execution has exceeded the max execution time"


def test_of_many_redrives_at_once_one_wins(server):
    world = World(server.client())
    activity = world.activity()
    machine = world.states("Work", Work={"Type": "Task", "Resource": activity, "End": True})
    execution = world.start(machine)
    world.sfn.stop_execution(executionArn=execution)

    def redrive(_):
        try:
            return world.sfn.redrive_execution(executionArn=execution)["redriveDate"]
        except world.sfn.exceptions.ExecutionNotRedrivable:
            return None

    with ThreadPoolExecutor(16) as pool:
        won = [moment for moment in pool.map(redrive, range(32)) if moment]
    assert len(won) == 1
    assert [line for line in lines(world.history(execution)) if "Redriven" in line] == ["5<4 ExecutionRedriven"]
    assert world.sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"] != []


def test_deleting_a_machine_stops_what_was_redriven(server):
    world = World(server.client())
    machine = world.states("Hold", Hold={"Type": "Wait", "Seconds": 600, "End": True})
    held = [world.start(machine) for _ in range(20)]
    for execution in held[::2]:
        world.sfn.stop_execution(executionArn=execution)
        world.sfn.redrive_execution(executionArn=execution)
    world.sfn.delete_state_machine(stateMachineArn=machine)
    for execution in held:
        assert world.end(execution)["status"] == "ABORTED"
        assert sum("ExecutionAborted" in line for line in lines(world.history(execution))) == (
            2 if execution in held[::2] else 1
        )
    reply = world.refused("StateMachineDoesNotExist", "describe_state_machine", stateMachineArn=machine)
    assert machine in reply
