#!/usr/bin/env python3
"""The fail points: the server is killed exactly where it matters, and nothing is lost, doubled or stuck.

A build with the feature `sabotage` aborts when it passes a fail point that it was told, for the n-th
time. For every one that it has, this starts a server on a folder of its own, gives it a little of
everything (functions, an activity, waits, a Map, a stop, a redrive, a child execution), kills it once so
that there is something to recover, starts it with the fail point armed, waits until it has aborted there,
starts it again, and checks with the ledger and the rules of `checker.py`. Which there are the program
says itself (`crates/engine/src/fail_point.rs`), so none can be forgotten; one that is not passed is a
failure. Everything random comes from `--seed`, which is printed.
"""

import argparse
import concurrent.futures
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import checker  # noqa: E402
import crash_test  # noqa: E402
import ledger  # noqa: E402
import server as servers  # noqa: E402

# How long a fail point may take to be passed, and everything to end after it.
PASSED_SECONDS_MAX = 40
DRAIN_SECONDS_MAX = 60

# Several servers start at the same time, each with its functions: a process takes its time to wake.
checker.DISPATCH_TRAVELS_SECONDS = 10.0
checker.OUTCOME_TRAVELS_SECONDS = 10.0

# Passed once or twice in a run: the first time is the one to take. The others are taken at random among
# the first few.
RARE = {"cancel", "stop", "redrive", "recovery", "tell"}
NTH_MAX = 3

CHILD = {"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "Seconds": 1, "End": True}}}
FAILS = {"StartAt": "Fails", "States": {"Fails": {"Type": "Fail", "Error": "Wanted"}}}


def parent(child):
    """A machine that runs another and waits for its end."""
    return {
        "StartAt": "Child",
        "States": {
            "Child": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {"StateMachineArn": child},
                "End": True,
            }
        },
    }


def listed():
    """The fail points of the program under test, as it tells them to who names none."""
    command = [str(servers.binary()), "serve", "--ephemeral", "--listen", "127.0.0.1:0"]
    environment = servers.environment({"STEPWELL_FAIL_POINT": "list"})
    try:
        told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError("the program has no fail points: build it with --features sabotage") from None
    names = re.search(r"there are ([a-z_ ]+): list", told.stderr)
    if not names:
        raise RuntimeError(f"the program does not tell its fail points: {told.stderr[-500:]}")
    return names.group(1).split()


class Pass(crash_test.Run):
    """One server that is killed at one fail point."""

    def __init__(self, point, seed, folder):
        options = argparse.Namespace(seed=seed, drain=DRAIN_SECONDS_MAX, json=True, power_loss=False)
        super().__init__(options, folder)
        self.point = point
        is_rare = point.split("_", 1)[1] in RARE
        self.nth = 1 if is_rare else self.random.randint(1, NTH_MAX)

    def machine_named(self, name, definition):
        return self.patiently(
            self.sfn.create_state_machine, name=name, definition=json.dumps(definition), roleArn=servers.ROLE_ARN
        )["stateMachineArn"]

    def deploy(self):
        super().deploy()
        self.child = self.machine_named("child", CHILD)
        self.parent = self.machine_named("parent", parent(self.child))
        self.fails = self.machine_named("fails", FAILS)
        self.redriven = self.fails.replace(":stateMachine:", ":execution:") + ":redriven"

    def start_main(self, number, slow):
        self.start_one(f"e-{number}", {"hold": 1, "slow": slow, "input": {"items": [0, 0]}}, True)

    def has_begun(self, name, state):
        return any(
            line["kind"] == "begin" and (line["who"]["execution"], line["who"]["state"]) == (name, state)
            for line in ledger.read(self.ledger_file)
        )

    def stop_one(self, number):
        """Stops an execution whose function is at work, so that a call is cancelled as well."""
        name = f"e-{number}"
        self.start_main(number, 4)
        servers.until(lambda: self.has_begun(name, "Slow") or self.over.is_set(), 60, f"Slow of {name}")
        self.stops[name] = None
        arn = self.machine.replace(":stateMachine:", ":execution:") + ":" + name
        stopped = self.patiently(self.sfn.stop_execution, executionArn=arn, error="Stopped", cause="by the test")
        if stopped:
            self.stops[name] = stopped["stopDate"].timestamp()

    def start_brief(self, machine, name):
        """Starts one that may be over before a lost answer is asked for again: then its name is taken."""
        try:
            self.patiently(self.sfn.start_execution, stateMachineArn=machine, name=name, input="{}")
        except self.sfn.exceptions.ExecutionAlreadyExists:
            pass

    def redrive_one(self):
        self.start_brief(self.fails, "redriven")
        arn = self.redriven
        ended = lambda: self.patiently(self.sfn.describe_execution, executionArn=arn)["status"] == "FAILED"  # noqa: E731
        servers.until(ended, 60, "the end of what is to be redriven")
        self.patiently(self.sfn.redrive_execution, executionArn=arn, clientToken="redrive")

    def start_parent(self):
        self.start_brief(self.parent, "parent")

    def start_armed(self):
        """Starts it with the fail point armed; it may abort before it takes calls."""
        self.server.environment = {"STEPWELL_FAIL_POINT": f"{self.point}:{self.nth}"}
        try:
            self.server.start()
        except RuntimeError:
            if self.server.process.poll() != -signal.SIGABRT:
                raise
        self.server.environment = None

    def wait_for_abort(self):
        deadline = time.monotonic() + PASSED_SECONDS_MAX
        alive = time.time()
        while self.server.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.point} was not passed {self.nth} times within {PASSED_SECONDS_MAX} s")
            alive = time.time()
            time.sleep(0.005)
        self.kills.append((alive, time.time()))
        code = self.server.process.returncode
        if code != -signal.SIGABRT or f"fail point {self.point}\n" not in self.server.stderr():
            raise AssertionError(f"it ended with {code}, and not at {self.point}: {self.server.stderr()[-2000:]}")

    def run(self):
        self.start_processes()
        self.deploy()
        threads = [threading.Thread(target=self.guarded, args=(self.keep_working, n), daemon=True) for n in range(2)]
        for thread in threads:
            thread.start()
        # What only waits needs no recovery, and may be all there is; a function that is at work does.
        slow, begun = (4, "Slow") if self.point.endswith("_recovery") else (0.4, "Quick")
        for number in range(3):
            self.start_main(number, slow)
        servers.until(lambda: self.has_begun("e-2", begun), 30, f"{begun} of e-2")
        before = time.time()
        self.server.kill()
        self.kills.append((before, time.time()))
        armed = time.time()
        self.start_armed()
        loads = [(self.start_main, 3, 0.3), (self.start_main, 4, 0.3), (self.stop_one, 5), (self.redrive_one,),
                 (self.start_parent,)]
        loads = [threading.Thread(target=self.guarded, args=load, daemon=True) for load in loads]
        for load in loads:
            load.start()
        self.wait_for_abort()
        self.passed_after = time.time() - armed
        self.server.start()
        for load in loads:
            load.join(DRAIN_SECONDS_MAX)
        self.drain()
        waits = lambda: not self.list_executions(self.parent, statusFilter="RUNNING")  # noqa: E731
        servers.until(waits, DRAIN_SECONDS_MAX, "the end of the parent")

    def more_rules(self):
        """What `checker.py` does not know of: the redrive and the child."""
        history = self.sfn.get_execution_history(executionArn=self.redriven)["events"]
        types = [event["type"] for event in history]
        once = ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
        if types != [*once, "ExecutionRedriven", "ExecutionFailed"]:
            yield f"redrive: one was acknowledged, and the history is {types}"
        for machine, what in [(self.parent, "parent"), (self.child, "child")]:
            statuses = [row["status"] for row in self.list_executions(machine)]
            if statuses != ["SUCCEEDED"]:
                yield f"{what}: there should be one that succeeded, and there are {statuses}"

    def violations(self):
        found = self.trouble + checker.check(self.record()) + list(self.more_rules())
        if len(self.acked) != 6:
            found.append(f"only {len(self.acked)} of 6 starts were acknowledged")
        return found


def attempt(point, seed):
    """The violations at a fail point, and a line about it."""
    with tempfile.TemporaryDirectory(prefix="stepwell-fail-point-") as folder:
        one = Pass(point, seed, pathlib.Path(folder))
        try:
            one.run()
            found = one.violations()
            line = f"{point:<16} pass {one.nth}, {one.passed_after:4.1f} s after the start"
        except Exception as trouble:  # Whatever it is, this point has not been shown to hold.
            found, line = [f"{type(trouble).__name__}: {trouble}"], f"{point:<16} pass {one.nth}"
        finally:
            one.stop_processes()
    return point, found, line


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", nargs="*", help="only these (all)")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run (random)")
    parser.add_argument("--at-once", type=int, default=3, help="servers at the same time (%(default)s)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    try:
        points = listed()
    except RuntimeError as trouble:
        print(f"fail points: FAILED: {trouble}", file=sys.stderr)
        return 1
    unknown = set(options.points) - set(points)
    if unknown:
        parser.error(f"no such fail points: {' '.join(sorted(unknown))}; there are {' '.join(points)}")
    points = options.points or points
    print(f"fail points, seed {seed}: {len(points)}", flush=True)
    failed, began = 0, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        attempts = [pool.submit(attempt, point, seed ^ zlib.crc32(point.encode())) for point in points]
        for done in concurrent.futures.as_completed(attempts):
            _, found, line = done.result()
            failed += bool(found)
            print(f"{line}: {'FAILED' if found else 'nothing lost, doubled or stuck'}", flush=True)
            for text in found[:10]:
                print(f"VIOLATION {text}", flush=True)
    held = len(points) - failed
    print(f"{held} passed, {failed} failed, 0 skipped", flush=True)
    print(f"all {len(points)} were hit in {time.monotonic() - began:.0f} s" if not failed else "fail points: FAILED")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
