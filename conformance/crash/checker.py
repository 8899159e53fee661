"""What must hold after any number of crashes, checked over everything that was recorded.

Pure: it gets a `Record` and returns violations. `test_checker.py` fabricates one violation of each
kind and shows that it is found, so that silence means something.
"""

import collections
import dataclasses
import json

# How long after its handler told the ledger that it ended an outcome may still not be durable. The
# answer has to travel to the server, into a turn and through a commit, on a machine that is busy.
OUTCOME_TRAVELS_SECONDS = 3.0

# How long after the stop of an execution a handler of it may still begin: the start was durable
# before the stop, and a process had to be woken.
DISPATCH_TRAVELS_SECONDS = 3.0

TERMINAL = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
SCHEDULED = {"LambdaFunctionScheduled", "TaskScheduled", "ActivityScheduled"}
STARTED = {"LambdaFunctionStarted", "TaskStarted", "ActivityStarted"}
ENDED = {
    f"{family}{end}"
    for family in ("LambdaFunction", "Task", "Activity")
    for end in ("Succeeded", "Failed", "TimedOut", "ScheduleFailed", "StartFailed")
}
UNKNOWN = "Stepwell.OutcomeUnknown"

# The functions that are declared idempotent: the same attempt may be sent again with the same id.
IDEMPOTENT = {"keyed"}


@dataclasses.dataclass
class Record:
    """Everything a run has seen. Times are seconds since the epoch."""

    kills: list  # [(before, after)]: the signal was sent between the two.
    acked: dict  # name -> start date, of every StartExecution that was answered.
    maybe: set  # names of starts whose answer was lost and that were not repeated.
    stops: dict  # name -> stop date, of every StopExecution that was answered.
    executions: dict  # name -> {"status", "start", "stop", "output"} as described in the end.
    histories: dict  # name -> [event], see `event`.
    seen: dict  # name -> [(id, previous, type, at)], the longest history read while it ran.
    ledger: list  # [{"at", "kind", "request", "function", "who"}]
    hands: list  # [{"token", "who", "answered"}], what activity workers got and did.


def event(raw):
    """A history event in the few fields that the rules look at."""
    details = next((value for key, value in raw.items() if key.endswith("EventDetails")), {})
    who = None
    if raw["type"] in SCHEDULED:
        value = json.loads(details.get("input") or details.get("parameters") or "{}")
        value = value.get("Payload", value)
        who = value.get("who")
    return {
        "id": raw["id"],
        "previous": raw["previousEventId"],
        "type": raw["type"],
        "at": raw["timestamp"].timestamp(),
        "name": details.get("name"),
        "index": details.get("index"),
        "error": details.get("error"),
        "who": who,
    }


def identity(who):
    """The text that names an attempt: execution, state, item, attempt number."""
    return f"{who['execution']}/{who['state']}/{who.get('item', '-')}/{who['attempt']}"


@dataclasses.dataclass
class Attempt:
    """One attempt of a task as the history tells it."""

    execution: str
    who: dict
    scheduled: dict
    started: dict = None
    ended: dict = None

    @property
    def key(self):
        return identity(self.who)

    @property
    def kind(self):
        return {"LambdaFunctionScheduled": "function", "TaskScheduled": "lambda:invoke",
                "ActivityScheduled": "activity"}[self.scheduled["type"]]


def attempts(name, history):
    """The attempts of one execution, in the order in which they were scheduled."""
    by_event, found = {}, []
    for one in history:
        if one["type"] in SCHEDULED:
            attempt = Attempt(name, one["who"], one)
            found.append(attempt)
        elif one["type"] in STARTED | ENDED:
            attempt = by_event.get(one["previous"])
            if attempt is None:
                continue  # `broken_chain` reports it.
            if one["type"] in STARTED:
                attempt.started = one
            else:
                attempt.ended = one
        else:
            continue
        by_event[one["id"]] = attempt
    return found


def check(record):
    """Every violation found, each as `rule: what`."""
    found = []
    all_attempts = {
        attempt.key: attempt
        for name, history in record.histories.items()
        for attempt in attempts(name, history)
    }
    for rule in RULES:
        found += [f"{rule.__name__}: {text}" for text in rule(record, all_attempts)]
    return found


def lost_execution(record, _):
    for name, start in record.acked.items():
        execution = record.executions.get(name)
        if execution is None:
            yield f"{name} was acknowledged and does not exist"
        elif abs(execution["start"] - start) > 0.0005:
            yield f"{name} was acknowledged at {start} and says {execution['start']}"


def invented_execution(record, _):
    for name in record.executions:
        if name not in record.acked and name not in record.maybe:
            yield f"{name} exists and was never started"


def stuck_execution(record, _):
    for name, execution in record.executions.items():
        if execution["status"] == "RUNNING":
            last = (record.histories.get(name) or [{"type": "nothing", "id": 0}])[-1]
            yield f"{name} still runs; its last event is {last['id']} {last['type']}"


def wrong_end(record, _):
    for name, execution in record.executions.items():
        allowed = {"SUCCEEDED", "RUNNING"} | ({"ABORTED"} if name in record.stops else set())
        if execution["status"] not in allowed:
            yield f"{name} ended as {execution['status']}"


def changed_stop(record, _):
    for name, stop in record.stops.items():
        execution = record.executions.get(name)
        if stop is not None and execution and abs((execution["stop"] or 0) - stop) > 0.0005:
            yield f"the stop of {name} was acknowledged at {stop}, and it says {execution['stop']}"


def gap_in_history(record, _):
    for name, history in record.histories.items():
        if [one["id"] for one in history] != list(range(1, len(history) + 1)):
            yield f"the event ids of {name} are not 1 to {len(history)}"
        if not history or history[0]["type"] != "ExecutionStarted":
            yield f"{name} does not begin with ExecutionStarted"


def broken_chain(record, _):
    for name, history in record.histories.items():
        by_id = {one["id"]: one for one in history}
        for one in history:
            if one["previous"] >= one["id"]:
                yield f"event {one['id']} of {name} points forwards, to {one['previous']}"
            elif one["previous"] == 0 and one["id"] > 2 and one["type"] != "ExecutionAborted":
                yield f"event {one['id']} {one['type']} of {name} points to nothing"
            before = by_id.get(one["previous"], {}).get("type")
            if one["type"] in STARTED and before not in SCHEDULED:
                yield f"event {one['id']} {one['type']} of {name} follows {before}"
            if one["type"] in ENDED and before not in STARTED | SCHEDULED:
                yield f"event {one['id']} {one['type']} of {name} follows {before}"


def doubled_event(record, _):
    for name, history in record.histories.items():
        seen = set()
        for one in history:
            what = (one["previous"], one["type"], one["name"], one["index"])
            if what in seen:
                yield f"event {one['id']} of {name} is a second {one['type']} after {one['previous']}"
            seen.add(what)
        ends = collections.Counter(one["previous"] for one in history if one["type"] in ENDED)
        for before, count in ends.items():
            if count > 1:
                yield f"the task started in event {before} of {name} ends {count} times"
        keys = collections.Counter(identity(one["who"]) for one in history if one["type"] in SCHEDULED)
        for key, count in keys.items():
            if count > 1:
                yield f"attempt {key} was scheduled {count} times"


def wrong_terminal(record, _):
    for name, history in record.histories.items():
        ends = [one["id"] for one in history if one["type"] in TERMINAL]
        running = record.executions.get(name, {}).get("status") == "RUNNING"
        if ends != ([] if running else [len(history)]):
            yield f"{name} has terminal events at {ends} of {len(history)}"


def missing_event(record, all_attempts):
    for attempt in all_attempts.values():
        if record.executions.get(attempt.execution, {}).get("status") != "SUCCEEDED":
            continue
        if attempt.ended is None:
            yield f"attempt {attempt.key} has no end although {attempt.execution} succeeded"
        elif attempt.started is None and not attempt.ended["type"].endswith("TimedOut"):
            yield f"attempt {attempt.key} ended without a start"
    for name, history in record.histories.items():
        if record.executions.get(name, {}).get("status") != "SUCCEEDED":
            continue
        balance = collections.Counter()
        for one in history:
            if one["type"].endswith("StateEntered"):
                balance[one["name"]] += 1
            elif one["type"].endswith("StateExited"):
                balance[one["name"]] -= 1
        for state, difference in balance.items():
            if difference:
                yield f"{name} entered {state} {difference:+} times more than it left it"


def changed_history(record, _):
    for name, seen in record.seen.items():
        kept = [(one["id"], one["previous"], one["type"], one["at"]) for one in record.histories.get(name, [])]
        if kept[: len(seen)] != seen:
            first = next((a for a, b in zip(seen, kept) if a != b), seen[len(kept):][:1])
            yield f"{name}: a reader saw {first}, which is not there any more"


def invoked_twice(record, _):
    begun = [line for line in record.ledger if line["kind"] == "begin"]
    by_key, by_request = collections.defaultdict(list), collections.defaultdict(set)
    for line in begun:
        by_key[identity(line["who"])].append(line)
        by_request[line["request"]].add(identity(line["who"]))
    for key, lines in by_key.items():
        requests = {line["request"] for line in lines}
        if lines[0]["function"] in IDEMPOTENT:
            if len(requests) > 1:
                yield f"attempt {key} was sent again with another request id"
        elif len(lines) > 1:
            yield f"attempt {key} was invoked {len(lines)} times"
    for request, keys in by_request.items():
        if len(keys) > 1:
            yield f"request {request} stands for {len(keys)} attempts"


def invoked_without_start(record, all_attempts):
    for line in record.ledger:
        attempt = all_attempts.get(identity(line["who"]))
        if line["kind"] == "begin" and (attempt is None or attempt.started is None):
            yield f"attempt {identity(line['who'])} was invoked, and the history has no start of it"


def result_without_invocation(record, all_attempts):
    ended = {identity(line["who"]) for line in record.ledger if line["kind"] == "end"}
    for attempt in all_attempts.values():
        worked = attempt.ended and attempt.ended["type"] in ("LambdaFunctionSucceeded", "TaskSucceeded")
        if worked and attempt.key not in ended:
            yield f"attempt {attempt.key} succeeded, and its handler never ended"


def unjustified_unknown(record, all_attempts):
    handler_ended, function = {}, {}
    for line in record.ledger:
        function[identity(line["who"])] = line["function"]
        if line["kind"] == "end":
            handler_ended[identity(line["who"])] = line["at"]
    for attempt in all_attempts.values():
        if not attempt.ended or attempt.ended["error"] != UNKNOWN:
            continue
        if attempt.kind == "activity":
            yield f"activity attempt {attempt.key} ended as unknown: its token stays valid"
            continue
        if function.get(attempt.key) in IDEMPOTENT:
            yield f"attempt {attempt.key} of an idempotent function ended as unknown"
            continue
        ended = handler_ended.get(attempt.key)
        in_flight = any(
            attempt.started
            and attempt.started["at"] <= after
            and attempt.ended["at"] >= before - 0.001
            and (ended is None or ended >= before - OUTCOME_TRAVELS_SECONDS)
            for before, after in record.kills
        )
        if not in_flight:
            yield f"attempt {attempt.key} ended as unknown, and was not in flight at any kill"


def invoked_after_stop(record, _):
    for line in record.ledger:
        execution = record.executions.get(line["who"]["execution"])
        if line["kind"] == "begin" and execution and execution["status"] == "ABORTED":
            late = line["at"] - execution["stop"]
            if late > DISPATCH_TRAVELS_SECONDS:
                yield f"attempt {identity(line['who'])} was invoked {late:.1f} s after its execution was stopped"


def token_twice(record, _):
    for token, count in collections.Counter(hand["token"] for hand in record.hands).items():
        if count > 1:
            yield f"token {token} was handed out {count} times"


def lost_answer(record, all_attempts):
    for hand in record.hands:
        if not hand["answered"]:
            continue
        attempt = all_attempts.get(identity(hand["who"]))
        if attempt is None or attempt.ended is None or attempt.ended["type"] != "ActivitySucceeded":
            yield f"the answer to {identity(hand['who'])} was acknowledged, and the history does not have it"


def foreign_result(record, _):
    def results(value):
        if isinstance(value, dict):
            if "of" in value:
                yield value["of"]
            for inner in value.values():
                yield from results(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from results(inner)

    for name, execution in record.executions.items():
        if execution["status"] != "SUCCEEDED":
            continue
        output = execution["output"]
        for who in results(output):
            if who["execution"] != name:
                yield f"{name} has a result of {who['execution']}"
        items = [who["item"] for who in results(output) if "item" in who]
        if items != sorted(set(items)):
            yield f"{name} has the results of its items in the order {items}"


RULES = [
    lost_execution, invented_execution, stuck_execution, wrong_end, changed_stop, gap_in_history, broken_chain,
    doubled_event, wrong_terminal, missing_event, changed_history, invoked_twice, invoked_without_start,
    result_without_invocation, unjustified_unknown, invoked_after_stop, token_twice, lost_answer, foreign_result,
]


def unfinished(record, moment):
    """Where the unfinished attempts were at a moment: `{(kind, state, phase): how many}`."""
    where = collections.Counter()
    for name, history in record.histories.items():
        stop = record.executions.get(name, {}).get("stop")
        for attempt in attempts(name, history):
            end = attempt.ended["at"] if attempt.ended else stop or float("inf")
            if attempt.scheduled["at"] <= moment < end:
                started = attempt.started and attempt.started["at"] <= moment
                where[attempt.kind, attempt.who["state"], "started" if started else "queued"] += 1
    return where


def running_at(record, moment):
    """How many executions were open at a moment."""
    return sum(
        execution["start"] <= moment < (execution["stop"] or float("inf"))
        for execution in record.executions.values()
    )


def begun_at(record, since, moment):
    """How many invocations had begun since a moment and not ended at another, as the ledger tells it."""
    begun = {line["request"] for line in record.ledger if line["kind"] == "begin" and since < line["at"] <= moment}
    ended = {line["request"] for line in record.ledger if line["kind"] == "end" and line["at"] <= moment}
    return len(begun - ended)
