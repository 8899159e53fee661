"""Activities: workers that poll, heartbeats, tokens good and bad, timeouts; with boto3."""

import json
import threading
import time
import urllib.request

import pytest
import server as servers
from botocore.exceptions import ReadTimeoutError
from conftest import World, lines


def activity_machine(world, activity, **fields):
    return world.states("Work", Work={"Type": "Task", "Resource": activity, "End": True, **fields})


def test_a_worker_takes_a_task_and_its_answer_is_the_result(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity, HeartbeatSeconds=10, TimeoutSeconds=60), {"n": 1})
    task = world.take(activity, "ada")
    assert json.loads(task["input"]) == {"n": 1}
    sfn.send_task_heartbeat(taskToken=task["taskToken"])
    sfn.send_task_success(taskToken=task["taskToken"], output='{"done": true}')
    assert json.loads(world.end(execution)["output"]) == {"done": True}
    history = world.history(execution)
    assert lines(history) == [
        "1<0 ExecutionStarted",
        "2<0 TaskStateEntered Work",
        "3<2 ActivityScheduled",
        "4<3 ActivityStarted",
        "5<4 ActivitySucceeded",
        "6<5 TaskStateExited Work",
        "7<6 ExecutionSucceeded",
    ]
    scheduled = history[2]["activityScheduledEventDetails"]
    assert scheduled["resource"] == activity
    assert (scheduled["timeoutInSeconds"], scheduled["heartbeatInSeconds"]) == (60, 10)
    assert history[3]["activityStartedEventDetails"] == {"workerName": "ada"}


def test_a_poll_waits_for_a_task_that_comes_later(sfn, world):
    activity = world.activity()
    machine = activity_machine(world, activity)
    taken = {}
    poll = threading.Thread(target=lambda: taken.update(world.take(activity)))
    poll.start()
    time.sleep(0.3)  # So that the poll is open when the task comes; either order must work.
    execution = world.start(machine, {"n": 2})
    poll.join(20)
    assert json.loads(taken["input"]) == {"n": 2}
    sfn.send_task_success(taskToken=taken["taskToken"], output="null")
    assert world.end(execution)["output"] == "null"


def test_each_task_goes_to_one_worker_only(sfn, world):
    activity = world.activity()
    machine = activity_machine(world, activity)
    executions = [world.start(machine, {"n": number}) for number in range(20)]
    numbers, lock = [], threading.Lock()

    def work():
        while True:
            with lock:
                if len(numbers) >= 20:
                    return
            task = sfn.get_activity_task(activityArn=activity)
            if task.get("taskToken"):
                with lock:
                    numbers.append(json.loads(task["input"])["n"])
                    last = len(numbers) == 20
                sfn.send_task_success(taskToken=task["taskToken"], output=task["input"])
                if last:
                    # Work for the other workers, so that their open polls come back.
                    for _ in range(3):
                        world.start(machine, {"n": -1})

    workers = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for worker in workers:
        worker.start()
    for number, execution in enumerate(executions):
        assert json.loads(world.end(execution)["output"]) == {"n": number}
    assert sorted(number for number in numbers if number >= 0) == list(range(20))


def test_a_failure_of_the_worker_is_retried_and_then_caught(sfn, world):
    activity = world.activity()
    machine = world.states(
        "Work",
        Work={
            "Type": "Task",
            "Resource": activity,
            "Retry": [{"ErrorEquals": ["Mine"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.failure", "Next": "After"}],
            "End": True,
        },
        After={"Type": "Pass", "End": True},
    )
    execution = world.start(machine, {"kept": 1})
    tokens = []
    for _ in range(2):
        task = world.take(activity)
        tokens.append(task["taskToken"])
        sfn.send_task_failure(taskToken=task["taskToken"], error="Mine", cause="it broke")
    assert tokens[0] != tokens[1], "each attempt has a token of its own"
    described = world.end(execution)
    assert json.loads(described["output"]) == {"kept": 1, "failure": {"Error": "Mine", "Cause": "it broke"}}
    history = world.history(execution)
    assert lines(history)[2:9] == [
        "3<2 ActivityScheduled",
        "4<3 ActivityStarted",
        "5<4 ActivityFailed",
        "6<5 ActivityScheduled",
        "7<6 ActivityStarted",
        "8<7 ActivityFailed",
        "9<8 TaskStateExited Work",
    ]
    pause = (history[5]["timestamp"] - history[4]["timestamp"]).total_seconds()
    assert 1.0 <= pause < 5, "the second attempt is scheduled after the interval"


def test_without_a_heartbeat_the_task_times_out(world):
    activity = world.activity()
    machine = world.states(
        "Work",
        Work={
            "Type": "Task",
            "Resource": activity,
            "HeartbeatSeconds": 1,
            "TimeoutSeconds": 60,
            "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "After"}],
            "End": True,
        },
        After={"Type": "Pass", "End": True},
    )
    execution = world.start(machine)
    task = world.take(activity)
    assert world.end(execution)["status"] == "SUCCEEDED"
    history = world.history(execution)
    timed_out = next(event for event in history if event["type"] == "ActivityTimedOut")
    assert timed_out["activityTimedOutEventDetails"]["error"] == "States.Timeout", "as AWS shows it"
    world.refused("TaskTimedOut", "send_task_success", taskToken=task["taskToken"], output="{}")
    world.refused("TaskTimedOut", "send_task_heartbeat", taskToken=task["taskToken"])


def test_heartbeats_keep_a_task_alive(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity, HeartbeatSeconds=1, TimeoutSeconds=60))
    task = world.take(activity)
    for _ in range(8):
        time.sleep(0.4)
        sfn.send_task_heartbeat(taskToken=task["taskToken"])
    sfn.send_task_success(taskToken=task["taskToken"], output="1")
    assert world.end(execution)["output"] == "1"


def test_a_task_that_nobody_takes_ends_by_the_timeout_of_the_machine(world):
    activity = world.activity()
    machine = world.machine({
        "TimeoutSeconds": 3,
        "StartAt": "Work",
        "States": {
            "Work": {
                "Type": "Task", "Resource": activity, "TimeoutSeconds": 2, "HeartbeatSeconds": 1, "End": True
            }
        },
    })
    execution = world.start(machine)
    assert world.end(execution)["status"] == "TIMED_OUT"
    assert lines(world.history(execution))[2:] == ["3<2 ActivityScheduled", "4<0 ExecutionTimedOut"]


def test_a_token_works_once(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity))
    token = world.take(activity)["taskToken"]
    assert 1 <= len(token) <= 1024
    sfn.send_task_success(taskToken=token, output="1")
    world.end(execution)
    for call, arguments in [
        ("send_task_success", {"output": "2"}),
        ("send_task_failure", {"error": "Late"}),
        ("send_task_heartbeat", {}),
    ]:
        with pytest.raises(sfn.exceptions.ClientError) as caught:
            getattr(sfn, call)(taskToken=token, **arguments)
        assert caught.value.response["Error"]["Code"] in ("TaskTimedOut", "TaskDoesNotExist")
    assert world.end(execution)["output"] == "1"


def test_a_token_of_a_stopped_execution_is_refused(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity))
    token = world.take(activity)["taskToken"]
    sfn.stop_execution(executionArn=execution)
    with pytest.raises(sfn.exceptions.ClientError) as caught:
        sfn.send_task_success(taskToken=token, output="1")
    assert caught.value.response["Error"]["Code"] in ("TaskTimedOut", "TaskDoesNotExist")
    assert world.end(execution)["status"] == "ABORTED"


def test_made_up_and_changed_tokens_are_invalid(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity))
    token = world.take(activity)["taskToken"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
    for bad in ["x", "A" * 500, changed, token[:-2], token + "AA"]:
        world.refused("InvalidToken", "send_task_success", taskToken=bad, output="1")
        world.refused("InvalidToken", "send_task_heartbeat", taskToken=bad)
    sfn.send_task_success(taskToken=token, output="1")
    assert world.end(execution)["status"] == "SUCCEEDED"


def test_an_output_that_is_no_json_is_refused_and_the_task_still_waits(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity))
    token = world.take(activity)["taskToken"]
    world.refused("InvalidOutput", "send_task_success", taskToken=token, output="not json")
    world.refused("ValidationException", "send_task_success", taskToken=token, output=json.dumps("x" * 262144))
    sfn.send_task_success(taskToken=token, output="1")
    assert world.end(execution)["status"] == "SUCCEEDED"


def test_a_stopped_execution_takes_its_waiting_task_from_the_queue(sfn, world):
    activity = world.activity()
    machine = activity_machine(world, activity)
    stopped = world.start(machine, {"n": "stopped"})
    sfn.stop_execution(executionArn=stopped)
    execution = world.start(machine, {"n": "next"})
    task = world.take(activity)
    assert json.loads(task["input"]) == {"n": "next"}
    sfn.send_task_success(taskToken=task["taskToken"], output="1")
    world.end(execution)


def test_a_worker_without_a_name_leaves_none_in_the_history(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity))
    task = sfn.get_activity_task(activityArn=activity)
    sfn.send_task_success(taskToken=task["taskToken"], output="1")
    world.end(execution)
    [started] = [event for event in world.history(execution) if event["type"] == "ActivityStarted"]
    assert started.get("activityStartedEventDetails", {}) == {}


def test_tasks_are_handed_out_in_the_order_in_which_they_were_scheduled(sfn, world):
    activity = world.activity()
    machine = activity_machine(world, activity)
    for number in range(20):
        world.start(machine, {"n": number})
    taken = [json.loads(world.take(activity)["input"])["n"] for _ in range(20)]
    assert taken == list(range(20))


def test_workers_are_served_in_the_order_in_which_they_came(server, sfn, world):
    activity = world.activity()
    machine = activity_machine(world, activity)
    served, lock = {}, threading.Lock()

    def poll(number):
        task = world.take(activity, f"worker-{number}")
        with lock:
            served[number] = json.loads(task["input"])["n"]

    workers = [threading.Thread(target=poll, args=(number,)) for number in range(8)]
    for number, worker in enumerate(workers):
        worker.start()
        servers.until(lambda count=number + 1: waiting(server) == count, what="the poll")
    for number in range(8):
        world.start(machine, {"n": number})
        servers.until(lambda count=number + 1: len(served) == count, what="the hand-out")
    for worker in workers:
        worker.join(20)
    assert served == {number: number for number in range(8)}, "the first who came has the first task"


def waiting(server):
    """How many workers wait, as the server counts them."""
    with urllib.request.urlopen(server.endpoint + "/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("stepwell_activity_workers_waiting "))


def test_a_worker_that_left_gets_no_task(server, sfn, world):
    activity = world.activity()
    machine = activity_machine(world, activity)
    impatient = server.client(read_timeout=1)
    with pytest.raises(ReadTimeoutError):
        impatient.get_activity_task(activityArn=activity, workerName="impatient")
    servers.until(lambda: waiting(server) == 0, what="the end of the poll")
    execution = world.start(machine)
    task = world.take(activity, "patient")
    sfn.send_task_success(taskToken=task["taskToken"], output="1")
    assert world.end(execution)["output"] == "1"


def test_timeout_and_heartbeat_count_from_when_a_worker_has_the_task(world):
    for seconds, limits in [(2, {"TimeoutSeconds": 2}), (1, {"HeartbeatSeconds": 1, "TimeoutSeconds": 60})]:
        activity = world.activity()
        execution = world.start(activity_machine(world, activity, **limits))
        time.sleep(seconds + 0.5)  # What is limited would be over before a worker comes.
        world.take(activity)
        assert world.end(execution)["error"] == "States.Timeout"
        started, timed_out = times(world, execution, "ActivityStarted", "ActivityTimedOut")
        assert seconds <= timed_out - started < seconds + 0.9, limits


def times(world, execution, *types):
    """When the first events of these types were, in seconds."""
    history = world.history(execution)
    return [next(event["timestamp"].timestamp() for event in history if event["type"] == wanted) for wanted in types]


def test_heartbeats_leave_nothing_in_the_history(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity, HeartbeatSeconds=30, TimeoutSeconds=60))
    token = world.take(activity)["taskToken"]
    before = world.history(execution)
    for _ in range(5):
        sfn.send_task_heartbeat(taskToken=token)
    assert world.history(execution) == before
    sfn.send_task_success(taskToken=token, output="1")
    world.end(execution)


def test_a_deleted_activity_is_gone_for_workers_and_its_tasks_can_still_be_answered(sfn, world):
    activity = world.activity()
    execution = world.start(activity_machine(world, activity))
    token = world.take(activity)["taskToken"]
    sfn.delete_activity(activityArn=activity)
    assert activity in world.refused("ActivityDoesNotExist", "get_activity_task", activityArn=activity)
    assert activity in world.refused("ActivityDoesNotExist", "describe_activity", activityArn=activity)
    sfn.delete_activity(activityArn=activity)
    sfn.send_task_success(taskToken=token, output="1")
    assert world.end(execution)["output"] == "1"


def test_tasks_wait_for_workers_over_a_restart():
    with servers.running(functions=None) as server:
        world = World(server.client())
        activity = world.activity()
        machine = activity_machine(world, activity, TimeoutSeconds=3600)
        executions = [world.start(machine, {"n": number}) for number in range(3)]
        taken = world.take(activity)
        server.kill()
        server.start()
        world = World(server.client())
        world.sfn.send_task_success(taskToken=taken["taskToken"], output=taken["input"])
        for _ in range(2):
            task = world.take(activity)
            assert task["taskToken"] != taken["taskToken"], "what was handed out is not handed out again"
            world.sfn.send_task_success(taskToken=task["taskToken"], output=task["input"])
        for number, execution in enumerate(executions):
            assert json.loads(world.end(execution)["output"]) == {"n": number}


def test_a_poll_ends_after_a_minute_with_nothing(sfn, world):
    activity = world.activity()
    began = time.monotonic()
    answer = sfn.get_activity_task(activityArn=activity)
    assert 59 < time.monotonic() - began < 66
    assert not answer.get("taskToken") and not answer.get("input")
