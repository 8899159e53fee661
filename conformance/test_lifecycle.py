"""Start, stop, kill and start again: what a server promises over its restarts, and how it refuses to run."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest
import server as servers
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from conftest import World, lines
from test_functions import alive

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


@pytest.fixture
def server():
    with servers.running() as running:
        yield running


def refusal(*arguments, seconds=20):
    """Runs `stepwell` with these arguments, which it must refuse: `(exit code, stderr)`."""
    done = subprocess.run(
        [str(servers.binary()), *map(str, arguments)], capture_output=True, text=True, timeout=seconds
    )
    assert done.stdout == "", "nothing on stdout"
    return done.returncode, done.stderr


def one_sentence(text):
    """Whether this is one line `error: what: the thing. hint: what to do.`"""
    rows = [row for row in text.splitlines() if row.startswith("error:")]
    assert len(rows) == 1 and "panicked" not in text, text
    return rows[0]


def test_everything_is_there_after_a_clean_restart(server):
    world = World(server.client())
    machine = world.machine(PASS, "kept")
    activity = world.sfn.create_activity(name="kept")["activityArn"]
    done, history = world.run(machine, {"n": 1})
    assert server.terminate() == 0
    server.start()
    world = World(server.client())
    assert world.sfn.describe_state_machine(stateMachineArn=machine)["definition"] == json.dumps(PASS)
    assert world.sfn.describe_activity(activityArn=activity)["name"] == "kept"
    again = world.sfn.describe_execution(executionArn=done["executionArn"])
    assert {**again, "ResponseMetadata": 0} == {**done, "ResponseMetadata": 0}
    assert world.history(done["executionArn"]) == history
    assert [row["executionArn"] for row in world.sfn.list_executions(stateMachineArn=machine)["executions"]] == [
        done["executionArn"]
    ]


def test_everything_acknowledged_is_there_after_kill_9(server):
    world = World(server.client())
    machine = world.machine(PASS)
    arns = [world.start(machine, {"n": number}) for number in range(50)]
    server.kill()
    server.start()
    world = World(server.client())
    for number, arn in enumerate(arns):
        assert json.loads(world.end(arn)["output"]) == {"n": number}
        assert [line.split(" ", 1)[1] for line in lines(world.history(arn))] == [
            "ExecutionStarted", "PassStateEntered Only", "PassStateExited Only", "ExecutionSucceeded"
        ]


def test_a_wait_goes_on_after_kill_9_and_ends_at_its_moment(server):
    world = World(server.client())
    machine = world.states("Hold", Hold={"Type": "Wait", "Seconds": 3, "End": True})
    waiting = world.start(machine)
    server.kill()
    server.start()
    described = World(server.client()).end(waiting)
    assert described["status"] == "SUCCEEDED"
    held = (described["stopDate"] - described["startDate"]).total_seconds()
    assert 3.0 <= held < 15


def test_a_wait_whose_moment_passed_while_the_server_was_down_ends_at_once(server):
    world = World(server.client())
    waiting = world.start(world.states("Hold", Hold={"Type": "Wait", "Seconds": 1, "End": True}))
    server.kill()
    time.sleep(1.5)
    server.start()
    assert World(server.client()).end(waiting, 5)["status"] == "SUCCEEDED"


def test_a_task_token_survives_kill_9(server):
    world = World(server.client())
    activity = world.activity()
    machine = world.states("Work", Work={
        "Type": "Task", "Resource": activity, "HeartbeatSeconds": 30, "End": True
    })
    execution = world.start(machine)
    token = world.take(activity)["taskToken"]
    queued = world.start(machine, {"n": "queued"})
    server.kill()
    server.start()
    world = World(server.client())
    world.sfn.send_task_heartbeat(taskToken=token)
    world.sfn.send_task_success(taskToken=token, output='"done"')
    assert world.end(execution)["output"] == '"done"'
    task = world.take(activity)
    assert json.loads(task["input"]) == {"n": "queued"}, "what was queued is handed out, what was taken is not"
    world.sfn.send_task_success(taskToken=task["taskToken"], output="1")
    assert world.end(queued)["status"] == "SUCCEEDED"


def call_in_flight(server, tmp_path, **fields):
    """An execution whose function call has begun and will not end by itself soon."""
    world = World(server.client())
    notes = tmp_path / "notes"
    machine = world.states("Call", Call={
        "Type": "Task", "Resource": servers.function_arn("sleep"), "End": True, **fields
    })
    execution = world.start(machine, {"seconds": 20, "notes": str(notes)})
    servers.until(lambda: notes.exists() and "began" in notes.read_text(), 20, "the call")
    return execution, notes


def test_a_call_in_flight_at_kill_9_ends_in_outcome_unknown(server, tmp_path):
    execution, notes = call_in_flight(server, tmp_path)
    server.kill()
    server.start()
    world = World(server.client())
    described = world.end(execution)
    assert (described["status"], described["error"]) == ("FAILED", "Stepwell.OutcomeUnknown")
    assert lines(world.history(execution))[2:] == [
        "3<2 LambdaFunctionScheduled",
        "4<3 LambdaFunctionStarted",
        "5<4 LambdaFunctionFailed",
        "6<5 ExecutionFailed",
    ]
    assert notes.read_text().count("began") == 1, "it was not called again"


def test_a_retrier_that_names_outcome_unknown_calls_again(server, tmp_path):
    execution, notes = call_in_flight(
        server,
        tmp_path,
        Retry=[{"ErrorEquals": ["Stepwell.OutcomeUnknown"], "IntervalSeconds": 1, "MaxAttempts": 1}],
    )
    server.kill()
    server.start()
    servers.until(lambda: notes.read_text().count("began") == 2, 20, "the second attempt")
    kinds = [event["type"] for event in World(server.client()).history(execution)]
    assert kinds.count("LambdaFunctionScheduled") == 2 and kinds.count("LambdaFunctionFailed") == 1


@pytest.mark.parametrize("retrier, attempts", [("States.TaskFailed", 2), ("States.ALL", 2), ("States.Timeout", 1)])
def test_what_matches_outcome_unknown(server, tmp_path, retrier, attempts):
    execution, notes = call_in_flight(
        server, tmp_path, Retry=[{"ErrorEquals": [retrier], "IntervalSeconds": 1, "MaxAttempts": 1}]
    )
    server.kill()
    server.start()
    world = World(server.client())
    if attempts == 1:
        assert world.end(execution)["error"] == "Stepwell.OutcomeUnknown"
    else:
        servers.until(lambda: notes.read_text().count("began") == attempts, 20, "the second attempt")
    assert notes.read_text().count("began") == attempts


def test_the_workers_of_a_killed_server_end_too(server, tmp_path):
    _, notes = call_in_flight(server, tmp_path)
    worker = int(notes.read_text().split()[1])
    assert alive(worker)
    server.kill()
    servers.until(lambda: not alive(worker), 30, "the end of the worker process")


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_lets_calls_end_and_exits_with_0(server, sign):
    world = World(server.client())
    machine = world.states("Call", Call={
        "Type": "Task", "Resource": servers.function_arn("sleep"), "End": True
    })
    execution = world.start(machine, {"seconds": 2})
    servers.until(
        lambda: "LambdaFunctionStarted" in [event["type"] for event in world.history(execution)], what="the call"
    )
    assert server.terminate(sign=sign) == 0
    assert server.rest_of_stdout() == "", "stdout has one line and no more"
    server.start()
    described = World(server.client()).end(execution)
    assert described["status"] == "SUCCEEDED" and json.loads(described["output"]) == {"slept": 2}


def test_a_clean_stop_gives_up_after_ten_seconds_and_says_which(server):
    world = World(server.client())
    machine = world.states("Call", Call={
        "Type": "Task", "Resource": servers.function_arn("sleep"), "End": True
    })
    execution = world.start(machine, {"seconds": 25})
    servers.until(
        lambda: "LambdaFunctionStarted" in [event["type"] for event in world.history(execution)], what="the call"
    )
    began = time.monotonic()
    assert server.terminate(30) == 0
    assert 8 < time.monotonic() - began < 16
    assert execution in server.stderr(), "the log names what did not end"
    server.start()
    assert World(server.client()).end(execution)["error"] == "Stepwell.OutcomeUnknown"


def test_a_clean_stop_sends_an_idempotent_call_again(server, tmp_path):
    world = World(server.client())
    notes = tmp_path / "notes"
    machine = world.states("Call", Call={
        "Type": "Task", "Resource": servers.function_arn("sleep-idempotent"), "End": True
    })
    execution = world.start(machine, {"seconds": 12, "notes": str(notes)})
    servers.until(lambda: notes.exists() and "began" in notes.read_text(), 20, "the call")
    assert server.terminate(30) == 0
    server.start()
    world = World(server.client())
    assert world.end(execution)["status"] == "SUCCEEDED"
    assert notes.read_text().count("began") == 2
    types = [event["type"] for event in world.history(execution)]
    assert types.count("LambdaFunctionStarted") == 1, "it is the same attempt"


def test_a_long_poll_does_not_hold_up_a_clean_stop(server):
    import threading

    world = World(server.client())
    activity = world.activity()
    ended = threading.Event()

    def poll():
        try:
            world.sfn.get_activity_task(activityArn=activity)
        except Exception:  # However the server ends it: the poll must not hang.
            pass
        ended.set()

    threading.Thread(target=poll, daemon=True).start()
    time.sleep(0.5)
    began = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - began < 8
    assert ended.wait(5)


def test_a_data_directory_in_use_is_refused(server):
    code, stderr = refusal("serve", "--listen", "127.0.0.1:0", "--data", server.data)
    assert code == 3
    assert str(server.data) in one_sentence(stderr) and "in use" in stderr
    assert World(server.client()).sfn.list_state_machines()["stateMachines"] == [], "the first goes on"


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    code, stderr = refusal("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "file" / "data")
    assert code == 3
    one_sentence(stderr)


def test_a_damaged_database_is_refused(tmp_path):
    (tmp_path / "stepwell.db").write_bytes(b"this is not a database" * 500)
    code, stderr = refusal("serve", "--listen", "127.0.0.1:0", "--data", tmp_path)
    assert code == 3
    one_sentence(stderr)


def test_a_database_of_a_newer_release_is_refused_and_not_touched(server):
    World(server.client()).run(World(server.client()).machine(PASS))
    assert server.terminate() == 0
    with contextlib.closing(sqlite3.connect(server.data / "stepwell.db")) as database:
        current = database.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        database.execute("UPDATE meta SET value = '99.0' WHERE key = 'format'")
        database.commit()
    before = (server.data / "stepwell.db").read_bytes()
    code, stderr = refusal("serve", "--listen", "127.0.0.1:0", "--data", server.data)
    assert code == 3
    assert "99" in one_sentence(stderr)
    assert (server.data / "stepwell.db").read_bytes() == before
    with contextlib.closing(sqlite3.connect(server.data / "stepwell.db")) as database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'format'", current)
        database.commit()
    server.start()
    assert len(World(server.client()).sfn.list_state_machines()["stateMachines"]) == 1


def test_a_full_disk_stops_acknowledging_says_why_and_loses_nothing(server):
    world = World(server.client())
    machine = world.machine(PASS)
    server.terminate()
    server.file_bytes_max = 4 * 1024 * 1024
    server.start()
    sfn = server.client(read_timeout=10)
    value = json.dumps("x" * 100_000)
    acknowledged, refusals = [], 0
    for number in range(120):
        try:
            started = sfn.start_execution(stateMachineArn=machine, name=f"e-{number}", input=value)
            assert not refusals, "once it has refused, it does not acknowledge again"
            acknowledged.append(started["executionArn"])
        except (ClientError, BotoCoreError) as refusal:
            assert not isinstance(refusal, ReadTimeoutError), "never a hang"
            refusals += 1
            if refusals == 3:
                break
    assert acknowledged and refusals == 3
    assert '"level":"error"' in server.stderr(), server.stderr()[-2000:]
    server.kill()
    server.file_bytes_max = None
    server.start()
    world = World(server.client())
    for arn in acknowledged:
        assert world.end(arn)["output"] == value


def test_a_port_in_use_is_refused(server, tmp_path):
    code, stderr = refusal("serve", "--listen", server.listen, "--data", tmp_path / "data")
    assert code == 1
    assert server.listen in one_sentence(stderr)


def test_another_address_than_loopback_is_refused(tmp_path):
    code, stderr = refusal("serve", "--listen", "0.0.0.0:0", "--data", tmp_path / "data")
    assert code != 0
    one_sentence(stderr)


@pytest.mark.parametrize("arguments", [["serve", "--no-such-flag"], ["no-such-command"], ["serve", "--listen", "x"]])
def test_bad_usage_is_exit_code_2(arguments):
    code, stderr = refusal(*arguments)
    assert code == 2 and stderr


def test_a_functions_file_with_mistakes_is_refused(tmp_path):
    for text in ["[[function]]\nnmae = 'x'\n", "not toml at all [", "[[function]]\nname = 'x'\nruntime = 'cobol'\n"]:
        file = tmp_path / "functions.toml"
        file.write_text(text)
        code, stderr = refusal("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "d", "--functions", file)
        assert code in (1, 2), (code, stderr)
        assert "functions.toml" in one_sentence(stderr)


def test_an_ephemeral_server_leaves_nothing_behind(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [str(servers.binary()), "serve", "--listen", "127.0.0.1:0", "--ephemeral"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )
    try:
        endpoint = process.stdout.readline().split()[-1]
        world = World(servers.client(endpoint))
        assert world.run(world.machine(PASS))[0]["status"] == "SUCCEEDED"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.stdout.close()
        process.stderr.close()
    assert list(tmp_path.iterdir()) == []


def test_flags_come_from_the_environment_too(tmp_path):
    environment = {**os.environ, "STEPWELL_LISTEN": "127.0.0.1:0", "STEPWELL_DATA": str(tmp_path / "d")}
    process = subprocess.Popen(
        [str(servers.binary()), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        endpoint = process.stdout.readline().split()[-1]
        servers.client(endpoint).list_state_machines()
        assert (tmp_path / "d" / "stepwell.db").exists()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_an_idle_server_starts_quickly(server):
    server.kill()
    seconds = server.start()
    assert seconds < 5, "a debug build on a busy machine; the mark of 300 ms is kept in bench/"


def test_nothing_outside_the_data_directory_is_written(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    process = subprocess.Popen(
        [str(servers.binary()), "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=work,
    )
    try:
        world = World(servers.client(process.stdout.readline().split()[-1]))
        world.run(world.machine(PASS))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert list(work.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"work", "data"}


def test_validate_names_every_mistake_with_its_place(tmp_path):
    file = tmp_path / "bad.asl.json"
    file.write_text('{\n  "StartAt": "A",\n  "States": {"A": {"Type": "Pass", "Next": "B"}}\n}\n')
    done = subprocess.run([str(servers.binary()), "validate", str(file)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert f"{file}:3:" in done.stdout + done.stderr
    assert "/States/A/Next" in done.stdout + done.stderr
    file.write_text(json.dumps(PASS))
    done = subprocess.run([str(servers.binary()), "validate", str(file)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr


def test_run_prints_the_output_of_one_execution(tmp_path):
    file = tmp_path / "one.asl.json"
    file.write_text(json.dumps(PASS))
    command = [str(servers.binary()), "run", str(file), "--input", '{"n": 1}']
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"n": 1}
    file.write_text(json.dumps({"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Mine", "Cause": "c"}}}))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert done.returncode == 1 and "Mine" in done.stderr and done.stdout == ""
    file.write_text("{")
    assert subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=tmp_path).returncode == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.asl.json"]


def test_the_example_is_a_valid_definition():
    definition = servers.ROOT / "examples" / "order-fulfilment" / "order-fulfilment.asl.json"
    done = subprocess.run(
        [str(servers.binary()), "validate", str(definition)], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stdout + done.stderr
