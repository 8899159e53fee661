"""More calls than the server takes: what it refuses did not happen, what it acknowledged is kept.

AWS answers what is too much with `ThrottlingException`, which every SDK tries again. A server that takes
one waiting call is easily asked for too much; the rule is the same with the usual four thousand.
"""

import collections
import concurrent.futures
import http.client
import json
import threading
import time

import pytest
import server as servers
from conftest import World

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
CALLERS = 48
CALLS_EACH = 25
SECONDS_MAX = 60


@pytest.fixture
def narrow(tmp_path):
    """A server at which one call may wait."""
    config = tmp_path / "stepwell.toml"
    config.write_text("[limits]\nwaiting_calls_max = 1\n")
    with servers.running(arguments=["--config", str(config)]) as server:
        yield server


def call(connection, operation, body):
    """One call as it is: `(status, answer)`."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AWSStepFunctions.{operation}"}
    connection.request("POST", "/", json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def crowd(server, machine):
    """Starts from many connections at once, again and again until many were refused.

    Returns the names that were acknowledged and those that were refused.
    """
    host, port = server.listen.split(":")
    enough, deadline = threading.Event(), time.monotonic() + SECONDS_MAX
    seen = collections.Counter()

    def caller(number):
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        acknowledged, refused, turn = [], [], 0
        while not enough.is_set() and time.monotonic() < deadline:
            name = f"run-{number}-{turn}"
            turn += 1
            status, answer = call(connection, "StartExecution", {"stateMachineArn": machine, "name": name})
            if status == 200:
                acknowledged.append(name)
            else:
                assert (status, answer["__type"].split("#")[-1]) == (400, "ThrottlingException"), answer
                assert answer["message"] == "Rate exceeded"
                refused.append(name)
            seen[status] += 1
            if seen[400] >= 100 and seen[200] >= 100:
                enough.set()
        connection.close()
        return acknowledged, refused

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        results = list(pool.map(caller, range(CALLERS)))
    assert enough.is_set(), f"too few were refused or taken: {seen}"
    return [sum((result[side] for result in results), []) for side in (0, 1)]


def names(world, machine, status):
    pages = world.sfn.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter=status)
    return sorted(row["name"] for page in pages for row in page["executions"])


def test_what_is_refused_did_not_happen_and_what_is_acknowledged_is_kept(narrow):
    world = World(narrow.client())
    machine = world.machine(PASS, "crowded")
    acknowledged, refused = crowd(narrow, machine)
    assert not set(acknowledged) & set(refused)
    # Also over a kill: an acknowledgement is durable.
    narrow.kill()
    narrow.start()
    world = World(narrow.client())
    servers.until(lambda: not names(world, machine, "RUNNING"), what="the end of all executions")
    assert names(world, machine, "SUCCEEDED") == sorted(acknowledged)
    # The load is gone, and so is the throttling; a refused name is still free.
    for name in refused[:50]:
        world.sfn.start_execution(stateMachineArn=machine, name=name)


def test_an_sdk_tries_again_what_was_throttled(narrow):
    world = World(narrow.client())
    machine = world.machine(PASS, "patient")
    patient = narrow.client(retries={"mode": "standard", "total_max_attempts": 20})

    def start(number):
        # An SDK that tries again says the same name again, so nothing is started twice.
        answer = patient.start_execution(stateMachineArn=machine, name=f"run-{number}")
        return answer["ResponseMetadata"]["RetryAttempts"]

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        attempts = list(pool.map(start, range(CALLERS * CALLS_EACH)))
    assert sum(attempts) > 0, "nothing was throttled"
    servers.until(lambda: not names(world, machine, "RUNNING"), what="the end of all executions")
    assert len(names(world, machine, "SUCCEEDED")) == len(attempts)
