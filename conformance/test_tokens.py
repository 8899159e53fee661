"""Task tokens: forged ones, and good ones used again. Neither changes anything."""

import base64
import json
import random

import pytest
import server as servers
from conftest import World
from malformed import Request
from test_malformed import Wire

TRIES = 10_000


def task_machine(world, activity, **fields):
    return world.states("Work", Work={"Type": "Task", "Resource": activity, "End": True, **fields})


def ask(wire, operation, **body):
    request = Request(json.dumps(body).encode(), f"AWSStepFunctions.{operation}", "", "")
    status, answer = wire.ask(request)
    return status, json.loads(answer)


def forged(generator, token, foreign):
    """A token that is not ours: made up, cut off, with another bit, or of another account."""
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    kind = generator.randrange(6)
    if kind == 0:
        made_up = generator.randbytes(generator.choice([len(raw), generator.randint(1, 100)]))
    elif kind == 1:
        return token[:generator.randrange(1, len(token))]
    elif kind == 2:
        bit = generator.randrange(len(raw) * 8)
        raw[bit // 8] ^= 1 << bit % 8
        made_up = bytes(raw)
    elif kind == 3:
        return foreign
    elif kind == 4:
        return token + generator.choice(["=", "A", " ", "\n", "\0", token])
    else:
        return "".join(generator.choices("AZaz09+/-_=é😀 ", k=generator.randint(1, 500)))
    return base64.urlsafe_b64encode(made_up).decode().rstrip("=")


def test_forged_tokens_are_invalid_and_change_nothing(server, sfn, world):
    activity = world.activity()
    execution = world.start(task_machine(world, activity, TimeoutSeconds=3600, HeartbeatSeconds=600))
    token = world.take(activity)["taskToken"]
    # A good token of the same server, for another account.
    other = World(servers.client(server.endpoint, access_key="111122223333"))
    foreign_activity = other.activity()
    other.start(task_machine(other, foreign_activity))
    foreign = other.take(foreign_activity)["taskToken"]
    before = world.history(execution)

    wire, generator = Wire(server.listen), random.Random(9)
    for _ in range(TRIES):
        operation, more = generator.choice([
            ("SendTaskSuccess", {"output": "1"}), ("SendTaskFailure", {"error": "E"}), ("SendTaskHeartbeat", {})
        ])
        bad = forged(generator, token, foreign)
        status, answer = ask(wire, operation, taskToken=bad, **more)
        assert (status, answer["__type"]) == (400, "InvalidToken"), (operation, bad, answer)
        assert answer["message"] == "Invalid Token: 'Invalid token'"
    wire.close()

    assert world.history(execution) == before
    assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    sfn.send_task_success(taskToken=token, output="1")
    assert world.end(execution)["output"] == "1"


def after_success(sfn, world, activity):
    execution = world.start(task_machine(world, activity))
    token = world.take(activity)["taskToken"]
    sfn.send_task_success(taskToken=token, output="1")
    return execution, token


def after_failure(sfn, world, activity):
    execution = world.start(task_machine(world, activity))
    token = world.take(activity)["taskToken"]
    sfn.send_task_failure(taskToken=token, error="Mine")
    return execution, token


def after_timeout(sfn, world, activity):
    execution = world.start(task_machine(world, activity, TimeoutSeconds=1))
    return execution, world.take(activity)["taskToken"]


def after_stop(sfn, world, activity):
    execution = world.start(task_machine(world, activity))
    token = world.take(activity)["taskToken"]
    sfn.stop_execution(executionArn=execution)
    return execution, token


def after_a_retry(sfn, world, activity):
    retry = [{"ErrorEquals": ["Mine"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = world.start(task_machine(world, activity, Retry=retry))
    token = world.take(activity)["taskToken"]
    sfn.send_task_failure(taskToken=token, error="Mine")
    second = world.take(activity)["taskToken"]
    refuse_all(world, token)  # While the second attempt waits.
    sfn.send_task_success(taskToken=second, output="2")
    return execution, token


def after_the_execution_timed_out(sfn, world, activity):
    machine = world.machine({
        "TimeoutSeconds": 1,
        "StartAt": "Work",
        "States": {"Work": {"Type": "Task", "Resource": activity, "End": True}},
    })
    return world.start(machine), world.take(activity)["taskToken"]


def refuse_all(world, token):
    for call, more in [
        ("send_task_success", {"output": "9"}),
        ("send_task_failure", {"cause": "late"}),
        ("send_task_heartbeat", {}),
    ]:
        message = world.refused("TaskTimedOut", call, taskToken=token, **more)
        assert message.startswith("Task Timed Out: '")


USED = [after_success, after_failure, after_timeout, after_stop, after_a_retry, after_the_execution_timed_out]


@pytest.mark.parametrize("use", USED, ids=lambda use: use.__name__)
def test_a_token_used_again_is_refused_and_the_history_stays(sfn, world, use):
    execution, token = use(sfn, world, world.activity())
    ended = world.end(execution)
    history = world.history(execution)
    refuse_all(world, token)
    assert world.history(execution) == history
    assert sfn.describe_execution(executionArn=execution)["status"] == ended["status"]


def test_a_used_token_is_refused_after_a_restart_too():
    with servers.running(functions=None) as server:
        world = World(server.client())
        execution, token = after_success(world.sfn, world, world.activity())
        world.end(execution)
        history = world.history(execution)
        server.kill()
        server.start()
        world = World(server.client())
        refuse_all(world, token)
        assert world.history(execution) == history
