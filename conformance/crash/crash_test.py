#!/usr/bin/env python3
"""The crash test: `kill -9` at random moments under load, and nothing lost, doubled or stuck.

It keeps well over a hundred executions in flight, kills the server again and again, starts it on the
same folder and port, and at the end joins three records that do not know of each other: what the
server tells (executions, histories), what its callers were told (acknowledged starts, stops, answers
of workers, histories read meanwhile), and what happened outside (the ledger of invocations).
`checker.py` has the rules. Everything random comes from `--seed`, which is printed.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError  # noqa: E402

import checker  # noqa: E402
import ledger  # noqa: E402
import power_loss  # noqa: E402
import server as servers  # noqa: E402

# At every kill at least so many executions must be in flight, and so many attempts unfinished: a
# kill that hits nothing proves nothing.
IN_FLIGHT_MIN = 100
UNFINISHED_MIN = 10

# With losses of power, so many large inputs are sent again and again that the log reaches the size at
# which it is copied into the database every few seconds. From so many kills on one must meet that.
BULK_BYTES = 200_000
BULK_THREADS = 3
CHECKPOINT_SECONDS_MAX = 10
CHECKPOINT_KILLS_MIN = 8

# What a server says whose database is no longer whole, at its start or later.
DAMAGED = ("the database is damaged", "database disk image is malformed")

# The rules that can see each sabotage of the engine (`STEPWELL_SABOTAGE`): one of them must find it. A call that
# left too early leaves again with the next start, if there was not more that a crash took with it.
SABOTAGES = {
    "acknowledge-before-commit": {"lost_execution"},
    "dispatch-before-commit": {"invoked_twice", "invoked_without_start"},
    "drop-timer-at-recovery": {"stuck_execution"},
    "dispatch-again-after-crash": {"invoked_twice"},
}

SAFE = {
    "Comment": "These functions only tell the ledger, so the author accepts a second attempt.",
    "ErrorEquals": [checker.UNKNOWN],
    "IntervalSeconds": 1,
    "MaxAttempts": 99,
    "BackoffRate": 1.0,
}

FUNCTIONS = {"quick": (6, False), "slow": (16, False), "keyed": (12, True)}


def who(state, **more):
    return {
        "execution.$": "$$.Execution.Name", "state": state, "attempt.$": "$$.State.RetryCount", **more
    }


def call(state, function, seconds, invoke=False, **fields):
    """A Task that calls one of our functions, by its ARN or through `lambda:invoke`."""
    payload = {"who": who(state), "seconds": seconds} if not isinstance(seconds, dict) else seconds
    if not invoke:
        return {"Type": "Task", "Resource": servers.function_arn(function), "Parameters": payload, **fields}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": servers.function_arn(function), "Payload": payload},
        **fields,
    }


def definition(activity):
    """Functions quick and slow, of both kinds; an activity; waits; Parallel; Map; Retry; Catch."""
    branch_functions = {
        "StartAt": "Quick",
        "States": {
            "Quick": call("Quick", "quick", 0.1, Retry=[SAFE], ResultPath="$.quick", Next="Hold"),
            "Hold": {"Type": "Wait", "SecondsPath": "$.hold", "Next": "Slow"},
            "Slow": call(
                "Slow",
                "slow",
                {"who": who("Slow"), "seconds.$": "$.slow"},
                invoke=True,
                Catch=[{"ErrorEquals": [checker.UNKNOWN], "ResultPath": "$.unknown", "Next": "SlowUnknown"}],
                ResultSelector={"payload.$": "$.Payload"},
                End=True,
            ),
            "SlowUnknown": {"Type": "Pass", "End": True},
        },
    }
    branch_activity = {
        "StartAt": "Approve",
        "States": {
            "Approve": {
                "Type": "Task",
                "Resource": activity,
                "Parameters": {"who": who("Approve")},
                "HeartbeatSeconds": 10,
                "TimeoutSeconds": 600,
                "Retry": [
                    {
                        "Comment": "A hand-out whose reply was lost in a crash: nobody sends heartbeats.",
                        "ErrorEquals": ["States.HeartbeatTimeout"],
                        "IntervalSeconds": 1,
                        "MaxAttempts": 99,
                        "BackoffRate": 1.0,
                    }
                ],
                "End": True,
            }
        },
    }
    lines = {
        "Type": "Map",
        "ItemsPath": "$.input.items",
        "ItemSelector": {"item.$": "$$.Map.Item.Index"},
        "ItemProcessor": {
            "StartAt": "Line",
            "States": {
                "Line": call(
                    "Line",
                    "keyed",
                    {"who": who("Line", **{"item.$": "$.item"}), "seconds": 0.2},
                    invoke=True,
                    ResultSelector={"payload.$": "$.Payload"},
                    End=True,
                )
            },
        },
        "ResultPath": "$.lines",
        "Next": "Flaky",
    }
    return {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [branch_functions, branch_activity],
                "ResultSelector": {"both.$": "$"},
                "ResultPath": "$.done",
                "Next": "Lines",
            },
            "Lines": lines,
            "Flaky": call(
                "Flaky",
                "quick",
                {"who": who("Flaky"), "seconds": 0.05, "failsUntil": 1},
                Retry=[SAFE, {"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}],
                ResultPath="$.flaky",
                Next="Which",
            ),
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.lines[0].payload.of.item", "NumericEquals": 0, "Next": "Done"}],
                "Default": "Wrong",
            },
            "Wrong": {"Type": "Fail", "Error": "Wrong"},
            "Done": {"Type": "Succeed"},
        },
    }


# Its executions are over in a moment: they are started in bursts, so that kills hit StartExecution. Their
# input may be large, and is dropped at once.
BRIEF = {
    "StartAt": "First",
    "States": {
        "First": {"Type": "Pass", "Parameters": {}, "Next": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Last"},
        "Last": {"Type": "Pass", "End": True},
    },
}


class Run:
    """One crash test: the processes, the threads, and what they record."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.random = random.Random(options.seed)
        self.lock = threading.Lock()
        self.stopping = threading.Event()  # No new executions.
        self.over = threading.Event()  # No more of anything.
        self.kills, self.starts, self.acked, self.stops = [], [], {}, {}
        self.maybe, self.seen, self.hands, self.trouble = set(), {}, [], []
        self.running = {}  # name -> ARN, as last listed.
        self.burst = concurrent.futures.ThreadPoolExecutor(8)
        self.number = 0
        self.lost_writes = []  # At each kill, how many writes the loss of power took back.
        self.checkpoints_met = 0  # Kills that met a checkpoint: the database had writes not flushed.
        # A server that never flushes would lose the whole database with a checkpoint.
        self.fills = options.power_loss and not options.skip_fsync and not options.breaks

    # -- processes ---------------------------------------------------------------------------

    def start_processes(self):
        self.socket = str(self.folder / "ledger.sock")
        self.ledger_file = str(self.folder / "ledger.jsonl")
        self.ledger = subprocess.Popen(
            [sys.executable, str(HERE / "ledger.py"), self.socket, self.ledger_file], stdout=subprocess.PIPE
        )
        self.ledger.stdout.readline()
        code = os.path.relpath(HERE / "functions", self.folder)
        functions = self.folder / "functions.toml"
        functions.write_text("".join(
            f'[[function]]\nname = "{name}"\nruntime = "python3.11"\nhandler = "handlers.handler"\n'
            f"code = {json.dumps(code)}\ntimeout_seconds = 60\nconcurrency = {concurrency}\n"
            f"idempotent = {json.dumps(idempotent)}\nenvironment = {{ LEDGER = {json.dumps(self.socket)} }}\n\n"
            for name, (concurrency, idempotent) in FUNCTIONS.items()
        ))
        self.server = servers.Server(self.folder / "data", functions)
        if self.options.power_loss:
            self.journals = self.folder / "journals"
            library = power_loss.build(self.folder)
            self.server.environment = power_loss.environment(library, self.server.data, self.journals)
        self.starts.append(self.server.start())
        self.sfn = servers.client(self.server.endpoint, read_timeout=20, connect_timeout=2)
        # Polls are long, and are cut by each kill anyway.
        self.polling = servers.client(self.server.endpoint, read_timeout=75, connect_timeout=2)

    def stop_processes(self):
        self.over.set()
        self.server.kill()
        self.ledger.terminate()
        self.ledger.wait()
        self.ledger.stdout.close()

    def deploy(self):
        self.activity = self.sfn.create_activity(name="crash-approve")["activityArn"]
        self.machine = self.sfn.create_state_machine(
            name="crash", definition=json.dumps(definition(self.activity)), roleArn=servers.ROLE_ARN
        )["stateMachineArn"]
        self.brief = self.sfn.create_state_machine(
            name="brief", definition=json.dumps(BRIEF), roleArn=servers.ROLE_ARN
        )["stateMachineArn"]

    def sabotage(self, name):
        """From here on the server breaks a promise: what was deployed is safe, what comes is not."""
        self.server.terminate()
        self.server.environment["STEPWELL_SABOTAGE"] = name
        self.server.start()

    def machine_of(self, name):
        return self.brief if name.startswith("b-") else self.machine

    # -- the load ----------------------------------------------------------------------------

    def patiently(self, call, **arguments):
        """Repeats a call that may be repeated until it is answered; None when all is over."""
        while not self.over.is_set():
            try:
                return call(**arguments)
            except BotoCoreError:
                time.sleep(0.05)
        return None

    def list_executions(self, machine, **filters):
        rows, more = [], {}
        while True:
            page = self.patiently(
                self.sfn.list_executions, stateMachineArn=machine, maxResults=1000, **filters, **more
            )
            rows += page["executions"] if page else []
            if not page or "nextToken" not in page:
                return rows
            more = {"nextToken": page["nextToken"]}

    def start_one(self, name, value, repeat):
        """Starts one execution; a lost answer is either asked for again or left as a maybe."""
        with self.lock:
            self.maybe.add(name)
        asked_before = False
        while not self.over.is_set():
            try:
                started = self.sfn.start_execution(
                    stateMachineArn=self.machine_of(name), name=name, input=json.dumps(value)
                )
                with self.lock:
                    self.acked[name] = started["startDate"].timestamp()
                    self.maybe.discard(name)
                return
            except EndpointConnectionError:
                time.sleep(0.05)  # Refused: nothing was sent.
            except BotoCoreError:
                if not repeat:
                    return
                asked_before = True
                time.sleep(0.05)
            except self.sfn.exceptions.ExecutionAlreadyExists:
                # The first call was followed and its answer lost, and the execution has ended since:
                # then it must be there.
                if not asked_before:
                    raise
                arn = self.machine_of(name).replace(":stateMachine:", ":execution:") + ":" + name
                described = self.patiently(self.sfn.describe_execution, executionArn=arn)
                if described:
                    with self.lock:
                        self.acked[name] = described["startDate"].timestamp()
                        self.maybe.discard(name)
                return

    def keep_starting(self):
        rng = random.Random(self.options.seed + 1)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            while not self.stopping.is_set():
                rows = self.list_executions(self.machine, statusFilter="RUNNING")
                running = {row["name"]: row["executionArn"] for row in rows}
                with self.lock:
                    self.running = running
                jobs = []
                for _ in range(self.options.in_flight - len(running)):
                    self.number += 1
                    value = {
                        "hold": rng.randint(1, 2),
                        "slow": round(rng.uniform(0.3, 2.5), 2),
                        "input": {"items": [0] * rng.randint(1, 2)},
                    }
                    jobs.append(pool.submit(self.start_one, f"e-{self.number:05}", value, rng.random() < 0.5))
                for job in jobs:
                    job.result()
                self.stopping.wait(0.15)

    def keep_filling(self, number):
        """Lets the log grow until it is copied, again and again."""
        rng = random.Random(self.options.seed + 200 + number)
        count = 0
        while not self.stopping.is_set():
            count += 1
            # Nothing that could be compressed.
            self.start_one(f"b-bulk-{number}-{count:04}", {"bulk": rng.randbytes(BULK_BYTES // 2).hex()}, True)

    def keep_looking(self):
        """Reads histories of running executions: what a reader has seen must still be there in the end."""
        rng = random.Random(self.options.seed + 2)
        while not self.stopping.is_set():
            with self.lock:
                some = rng.sample(sorted(self.running.items()), min(3, len(self.running)))
            for name, arn in some:
                stopping = False
                try:
                    page = self.sfn.get_execution_history(
                        executionArn=arn, maxResults=1000, includeExecutionData=False
                    )
                    seen = [
                        (raw["id"], raw["previousEventId"], raw["type"], raw["timestamp"].timestamp())
                        for raw in page["events"]
                    ]
                    with self.lock:
                        before = self.seen.get(name, [])
                        if seen[: len(before)] != before:
                            self.trouble.append(f"changed_history: {name} had {len(before)} events, now others")
                        if len(seen) > len(before):
                            self.seen[name] = seen
                    if stopping := rng.random() < 0.02:
                        stopped = self.sfn.stop_execution(executionArn=arn, error="Stopped", cause="by the test")
                        with self.lock:
                            self.stops[name] = stopped["stopDate"].timestamp()
                except BotoCoreError:
                    if stopping:
                        # It may have been done although its answer was lost: no date to compare.
                        with self.lock:
                            self.stops.setdefault(name, None)
            self.stopping.wait(0.1)

    def keep_working(self, number):
        """An activity worker: takes, holds, sends a heartbeat, answers until it is heard."""
        rng = random.Random(self.options.seed + 100 + number)
        gone = (self.sfn.exceptions.TaskTimedOut, self.sfn.exceptions.TaskDoesNotExist)
        while not self.over.is_set():
            try:
                task = self.polling.get_activity_task(activityArn=self.activity, workerName=f"worker-{number}")
            except BotoCoreError:
                time.sleep(0.05)
                continue
            if not task.get("taskToken"):
                continue
            token, value = task["taskToken"], json.loads(task["input"])
            hand = {"token": hashlib.sha256(token.encode()).hexdigest()[:16], "who": value["who"], "answered": False}
            with self.lock:
                self.hands.append(hand)
            time.sleep(rng.uniform(0.02, 0.5))
            try:
                self.patiently(self.sfn.send_task_heartbeat, taskToken=token)
                done = self.patiently(
                    self.sfn.send_task_success, taskToken=token, output=json.dumps({"of": value["who"]})
                )
                hand["answered"] = done is not None
            except gone:
                pass  # Stopped, timed out, or answered by a call whose reply was lost.

    # -- the kills ---------------------------------------------------------------------------

    def wait_until_full(self, seconds=60):
        def full():
            with self.lock:
                return len(self.running) >= self.options.in_flight * 0.9
        servers.until(full, seconds, f"{self.options.in_flight} executions in flight")

    def wait_for_checkpoint(self):
        """Waits until the log is being copied into the database, or for so long that it is not to be met."""
        deadline = time.monotonic() + CHECKPOINT_SECONDS_MAX
        while power_loss.DATABASE not in power_loss.unflushed_files(self.journals) and time.monotonic() < deadline:
            time.sleep(0.002)

    def kill_once(self, number):
        # One in five kills hits the recovery of the kill before.
        pause = self.random.uniform(0.0, 0.4) if self.random.random() < 0.2 else self.random.uniform(0.8, 4.0)
        time.sleep(pause)
        for place in range(40):
            name = f"b-{number:02}-{place:02}"
            self.burst.submit(self.guarded, self.start_one, name, {}, self.random.random() < 0.5)
        if self.fills and number % 2:
            self.wait_for_checkpoint()
        time.sleep(self.random.uniform(0.0, 0.06))
        if self.server.process.poll() is not None:
            raise RuntimeError(f"the server ended by itself: {self.server.stderr()[-2000:]}")
        past = self.folder / "past"
        if self.options.sabotage:
            # Stopped while it is copied, so that the copy is what a crash at this moment would leave.
            self.server.process.send_signal(signal.SIGSTOP)
            shutil.copytree(self.server.data, past, dirs_exist_ok=True)
            self.server.process.send_signal(signal.SIGCONT)
            time.sleep(1.0)
        before = time.time()
        self.server.kill()
        self.kills.append((before, time.time()))
        if self.options.power_loss:
            self.checkpoints_met += power_loss.DATABASE in power_loss.unflushed_files(self.journals)
            self.lost_writes.append(power_loss.lose(self.server.data, self.journals, self.random))
        if self.options.sabotage:
            shutil.rmtree(self.server.data)
            past.rename(self.server.data)
        down = self.random.choice([0, 0, 0.3])
        time.sleep(down)
        self.starts.append(self.server.start())
        if not self.options.json:
            print(f"kill {number:2} after {pause:4.2f} s; started again in {self.starts[-1]:.2f} s", flush=True)

    def run(self):
        self.start_processes()
        self.deploy()
        if self.options.skip_fsync or self.options.breaks:
            self.sabotage("skip-fsync" if self.options.skip_fsync else self.options.breaks)
        threads = [threading.Thread(target=self.guarded, args=(self.keep_starting,), daemon=True),
                   threading.Thread(target=self.guarded, args=(self.keep_looking,), daemon=True)]
        threads += [
            threading.Thread(target=self.guarded, args=(self.keep_working, number), daemon=True)
            for number in range(self.options.workers)
        ]
        if self.fills:
            threads += [
                threading.Thread(target=self.guarded, args=(self.keep_filling, number), daemon=True)
                for number in range(BULK_THREADS)
            ]
        for thread in threads:
            thread.start()
        self.wait_until_full()
        for number in range(1, self.options.kills + 1):
            self.kill_once(number)
        self.stopping.set()
        for thread in threads[:2]:
            thread.join(60)
        self.burst.shutdown()
        self.drain()

    def guarded(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as trouble:  # A caller of the server saw what no caller may see.
            if not self.over.is_set():
                self.trouble.append(f"caller: {type(trouble).__name__}: {trouble}")
                self.stopping.set()

    def drain(self):
        deadline = time.monotonic() + self.options.drain
        while time.monotonic() < deadline:
            left = sum(
                len(self.list_executions(machine, statusFilter="RUNNING")) for machine in (self.machine, self.brief)
            )
            if not left:
                return
            if not self.options.json and sys.stdout.isatty():
                print(f"\rwaiting for {left} executions to end   ", end="", flush=True)
            time.sleep(0.5)

    # -- the record --------------------------------------------------------------------------

    def record(self):
        rows = self.list_executions(self.machine) + self.list_executions(self.brief)
        listed = {row["name"]: row["executionArn"] for row in rows}
        # A start that was acknowledged must also be found when it is asked for by its ARN.
        for name in self.acked:
            machine = self.machine_of(name)
            listed.setdefault(name, machine.replace(":stateMachine:", ":execution:") + ":" + name)
        executions, histories = {}, {}

        def fetch(name):
            try:
                described = self.sfn.describe_execution(executionArn=listed[name])
            except self.sfn.exceptions.ExecutionDoesNotExist:
                return
            events, more = [], {}
            while True:
                page = self.sfn.get_execution_history(
                    executionArn=listed[name], maxResults=1000, includeExecutionData=name.startswith("e-"), **more
                )
                events += page["events"]
                if "nextToken" not in page:
                    break
                more = {"nextToken": page["nextToken"]}
            executions[name] = {
                "status": described["status"],
                "start": described["startDate"].timestamp(),
                "stop": described["stopDate"].timestamp() if "stopDate" in described else None,
                "output": json.loads(described["output"]) if "output" in described else None,
            }
            histories[name] = [checker.event(raw) for raw in events]

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(fetch, listed))
        return checker.Record(
            kills=self.kills,
            acked=self.acked,
            maybe=self.maybe,
            stops=self.stops,
            executions=executions,
            histories=histories,
            seen=self.seen,
            ledger=ledger.read(self.ledger_file),
            hands=self.hands,
        )


def judge(run, record):
    """The verdict: violations, weak kills, the histogram, and figures that show that it was hard."""
    violations = run.trouble + checker.check(record)
    histogram, per_kill = {}, []
    since = 0.0
    for before, after in record.kills:
        where = checker.unfinished(record, before)
        for place, count in where.items():
            histogram[place] = histogram.get(place, 0) + count
        per_kill.append({
            "executions": checker.running_at(record, before),
            "unfinished": sum(where.values()),
            "invocations": checker.begun_at(record, since, before),
        })
        since = after
    weak = [
        f"weak_kill: kill {number} met {one['executions']} executions and {one['unfinished']} unfinished attempts"
        for number, one in enumerate(per_kill, 1)
        if one["executions"] < IN_FLIGHT_MIN or one["unfinished"] < UNFINISHED_MIN
    ]
    if run.options.power_loss and not sum(run.lost_writes):
        weak.append("weak_kill: the loss of power took no write back")
    if run.fills and len(record.kills) >= CHECKPOINT_KILLS_MIN and not run.checkpoints_met:
        weak.append("weak_kill: no loss of power met a checkpoint")
    unknown = sum(
        one["error"] == checker.UNKNOWN and one["type"] in checker.ENDED
        for history in record.histories.values() for one in history
    )
    begins = [(line["request"], line["at"]) for line in record.ledger if line["kind"] == "begin"]
    statuses = {}
    for execution in record.executions.values():
        statuses[execution["status"]] = statuses.get(execution["status"], 0) + 1
    return {
        "seed": run.options.seed,
        "kills": len(record.kills),
        "executions": statuses,
        "acknowledged": len(record.acked),
        "answers_lost": len(record.maybe),
        "events": sum(len(history) for history in record.histories.values()),
        "invocations": len(begins),
        "repeated_under_the_same_key": len(begins) - len({request for request, _ in begins}),
        "outcomes_unknown": unknown,
        "activity_hand_outs": len(record.hands),
        "histories_read_meanwhile": len(record.seen),
        "writes_lost": sum(run.lost_writes),
        "kills_that_lost_writes": sum(map(bool, run.lost_writes)),
        "kills_that_met_a_checkpoint": run.checkpoints_met,
        "start_seconds_max": round(max(run.starts), 2),
        "per_kill": per_kill,
        "histogram": [
            {"kind": kind, "state": state, "phase": phase, "count": count}
            for (kind, state, phase), count in sorted(histogram.items(), key=lambda item: -item[1])
        ],
        "violations": violations + weak,
    }


def report(verdict):
    print("\nWhere the unfinished attempts were, over all kills:")
    most = max((row["count"] for row in verdict["histogram"]), default=1)
    for row in verdict["histogram"]:
        bar = "#" * max(1, round(40 * row["count"] / most))
        print(f"  {row['kind']:<14} {row['state']:<9} {row['phase']:<8} {row['count']:>5}  {bar}")
    print("At each kill: executions in flight / unfinished attempts / invocations under way")
    print("  " + "  ".join(f"{one['executions']}/{one['unfinished']}/{one['invocations']}" for one in verdict["per_kill"]))
    print()
    for key in ["seed", "kills", "executions", "acknowledged", "answers_lost", "events", "invocations",
                "repeated_under_the_same_key", "outcomes_unknown", "activity_hand_outs",
                "histories_read_meanwhile", "writes_lost", "kills_that_lost_writes",
                "kills_that_met_a_checkpoint", "start_seconds_max"]:
        print(f"  {key.replace('_', ' '):<28} {verdict[key]}")
    for text in verdict["violations"][:40]:
        print(f"VIOLATION {text}")
    if len(verdict["violations"]) > 40:
        print(f"... and {len(verdict['violations']) - 40} more")
    print(f"crash test: {'FAILED' if verdict['violations'] else 'nothing lost, doubled or stuck'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="(%(default)s)")
    parser.add_argument("--in-flight", type=int, default=150, help="executions kept open (%(default)s)")
    parser.add_argument("--workers", type=int, default=6, help="activity workers (%(default)s)")
    parser.add_argument("--drain", type=float, default=120, metavar="SECONDS", help="for the end (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run (random)")
    parser.add_argument("--keep", metavar="FOLDER", help="keep data, ledger and log there when it fails")
    parser.add_argument(
        "--sabotage",
        action="store_true",
        help="negative control: take the server back by a second at each kill, and succeed only if that is found",
    )
    parser.add_argument(
        "--power-loss", action="store_true", help="at each kill, take back what the server wrote and did not flush"
    )
    parser.add_argument(
        "--skip-fsync",
        action="store_true",
        help="negative control of --power-loss: the server does not flush, and that must be found "
        "(needs the build with the feature sabotage)",
    )
    parser.add_argument(
        "--break",
        dest="breaks",
        choices=sorted(SABOTAGES),
        help="negative control: the engine breaks this promise on a slow disk, and that must be found "
        "(needs the build with the feature sabotage)",
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    options = parser.parse_args()
    options.power_loss |= options.skip_fsync or options.breaks is not None
    is_control = options.sabotage or options.skip_fsync or options.breaks is not None
    options.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    if not options.json:
        print(f"crash test, seed {options.seed}: {options.kills} kills, {options.in_flight} executions", flush=True)
    with tempfile.TemporaryDirectory(prefix="stepwell-crash-") as folder:
        run = Run(options, pathlib.Path(folder))
        try:
            run.run()
            verdict = judge(run, run.record())
        except (BotoCoreError, ClientError, RuntimeError, AssertionError) as trouble:
            verdict = None
            said = f"{trouble} {run.server.stderr()}"
            if options.skip_fsync and any(text in said for text in DAMAGED):
                # What was lost were pages of the database, and the server saw it before a rule could.
                verdict = {"violations": [f"damaged_database: {trouble}"]}
            else:
                print(f"crash test: FAILED: {type(trouble).__name__}: {trouble}", file=sys.stderr)
                print(run.server.stderr()[-3000:], file=sys.stderr)
        finally:
            run.stop_processes()
        if options.keep and not is_control and (verdict is None or verdict["violations"]):
            shutil.copytree(folder, options.keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
    if verdict is None:
        return 1
    rules = collections.Counter(text.split(":")[0] for text in verdict["violations"])
    if options.json:
        print(json.dumps(verdict, indent=2))
    elif is_control:
        print(f"negative control: {dict(rules)}")
    else:
        report(verdict)
    if is_control:
        # What was not flushed begins anew, under the same names, or never was.
        expected = {"lost_execution", "changed_history"} | ({"invoked_twice"} if options.sabotage else set())
        blind = set() if "damaged_database" in rules else expected - set(rules)
        if options.breaks:
            blind = set() if SABOTAGES[options.breaks] & set(rules) else SABOTAGES[options.breaks]
        print(f"negative control: {'NOT FOUND: ' + ', '.join(sorted(blind)) if blind else 'found'}", file=sys.stderr)
        return int(bool(blind))
    return int(bool(rules))


if __name__ == "__main__":
    sys.exit(main())
