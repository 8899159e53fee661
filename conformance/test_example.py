"""The example as its README tells it: deploy, start orders, a worker approves; also over kill -9."""

import subprocess
import sys
import threading
import time

import pytest
import server as servers

EXAMPLE = servers.ROOT / "examples" / "order-fulfilment"
sys.path.insert(0, str(EXAMPLE))

import client as example_client  # noqa: E402
import deploy  # noqa: E402
import start_orders  # noqa: E402
import worker as example_worker  # noqa: E402


@pytest.fixture
def server():
    with servers.running(EXAMPLE / "functions.toml") as running:
        yield running


@pytest.fixture
def sfn(server):
    return example_client.connect(server.endpoint, connections=24)


@pytest.fixture
def worker(sfn):
    stopped = threading.Event()
    for _ in range(4):
        threading.Thread(
            target=example_worker.work, args=(sfn, stopped, 0.2, 0.1, lambda line: None), daemon=True
        ).start()
    yield
    stopped.set()


def test_deploying_twice_changes_nothing(sfn):
    assert [deploy.deploy(sfn), deploy.deploy(sfn)] == ["created", "unchanged"]


def test_forty_orders_end_as_their_kind_says(sfn, worker):
    deploy.deploy(sfn)
    started = start_orders.start(sfn, "run", 40, packing_seconds=1)
    assert len(started) == 40
    assert start_orders.start(sfn, "run", 40, packing_seconds=1) == started, "starting again starts nothing"
    summary = start_orders.summarize(started, start_orders.watch(sfn, started, 120))
    assert summary["unexpected"] == []
    assert {row["kind"] for row in summary["table"]} == set(start_orders.KINDS)


def test_orders_go_on_over_kill_9(server, sfn, worker):
    deploy.deploy(sfn)
    started = start_orders.start(sfn, "killed", 40, packing_seconds=1)
    for pause in [0.1, 1.0, 1.0]:
        time.sleep(pause)
        server.kill()
        server.start()
    summary = start_orders.summarize(started, start_orders.watch(sfn, started, 180))
    assert summary["unexpected"] == [], "no order is lost, stuck, or ends otherwise than without the kills"


def test_the_scripts_run_as_a_person_runs_them(server, tmp_path):
    def script(name, *arguments):
        return subprocess.run(
            [sys.executable, str(EXAMPLE / name), "--endpoint", server.endpoint, *arguments],
            capture_output=True, text=True, timeout=120,
        )

    done = script("deploy.py")
    assert done.returncode == 0 and done.stdout.endswith("order-fulfilment: created\n"), done.stderr
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLE / "worker.py"), "--endpoint", server.endpoint, "--think", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        done = script("start_orders.py", "--count", "20", "--packing-seconds", "0")
    finally:
        process.kill()
        process.wait()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plain      SUCCEEDED" in done.stdout
