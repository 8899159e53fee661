"""Negative controls: one fabricated violation of each kind, and the checker finds it."""

import copy
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import checker  # noqa: E402

NAME = "e-1"
KILL = (104.0, 104.01)


def who(state, attempt=0, **more):
    return {"execution": NAME, "state": state, "attempt": attempt, **more}


def history():
    """Quick succeeds at once; Slow is in flight at the kill, ends as unknown and is retried; then an
    activity and an idempotent function."""
    rows = [
        (0, 100.0, "ExecutionStarted", {}),
        (0, 100.0, "TaskStateEntered", {"name": "Quick"}),
        (2, 100.0, "LambdaFunctionScheduled", {"who": who("Quick")}),
        (3, 100.0, "LambdaFunctionStarted", {}),
        (4, 101.0, "LambdaFunctionSucceeded", {}),
        (5, 101.0, "TaskStateExited", {"name": "Quick"}),
        (6, 101.0, "TaskStateEntered", {"name": "Slow"}),
        (7, 101.0, "TaskScheduled", {"who": who("Slow")}),
        (8, 102.0, "TaskStarted", {}),
        (9, 105.0, "TaskFailed", {"error": checker.UNKNOWN}),
        (10, 106.0, "TaskScheduled", {"who": who("Slow", 1)}),
        (11, 106.0, "TaskStarted", {}),
        (12, 108.0, "TaskSucceeded", {}),
        (13, 108.0, "TaskStateExited", {"name": "Slow"}),
        (14, 108.0, "TaskStateEntered", {"name": "Approve"}),
        (15, 108.0, "ActivityScheduled", {"who": who("Approve")}),
        (16, 108.5, "ActivityStarted", {}),
        (17, 109.0, "ActivitySucceeded", {}),
        (18, 109.0, "TaskStateExited", {"name": "Approve"}),
        (19, 109.0, "TaskStateEntered", {"name": "Line"}),
        (20, 109.0, "TaskScheduled", {"who": who("Line", item=0)}),
        (21, 109.0, "TaskStarted", {}),
        (22, 110.0, "TaskSucceeded", {}),
        (23, 110.0, "TaskStateExited", {"name": "Line"}),
        (24, 110.0, "ExecutionSucceeded", {}),
    ]
    bare = {"name": None, "index": None, "error": None, "who": None}
    return [
        {"id": number, "previous": previous, "at": at, "type": kind, **bare, **more}
        for number, (previous, at, kind, more) in enumerate(rows, 1)
    ]


def line(kind, at, request, function, whose):
    return {"kind": kind, "at": at, "request": request, "function": function, "who": whose}


def good():
    """A run in which everything is as it must be, with one kill."""
    return checker.Record(
        kills=[KILL],
        acked={NAME: 100.0},
        maybe=set(),
        stops={},
        executions={NAME: {
            "status": "SUCCEEDED", "start": 100.0, "stop": 110.0, "output": [{"of": who("Line", item=0)}]
        }},
        histories={NAME: history()},
        seen={NAME: [(one["id"], one["previous"], one["type"], one["at"]) for one in history()[:9]]},
        ledger=[
            line("begin", 100.5, "r1", "quick", who("Quick")),
            line("end", 100.6, "r1", "quick", who("Quick")),
            line("begin", 102.5, "r2", "slow", who("Slow")),
            line("begin", 106.5, "r3", "slow", who("Slow", 1)),
            line("end", 107.5, "r3", "slow", who("Slow", 1)),
            line("begin", 109.1, "r4", "keyed", who("Line", item=0)),
            line("begin", 109.3, "r4", "keyed", who("Line", item=0)),
            line("end", 109.5, "r4", "keyed", who("Line", item=0)),
        ],
        hands=[{"token": "t1", "who": who("Approve"), "answered": True}],
    )


def test_a_good_run_has_no_violation():
    assert checker.check(good()) == []


def lose_an_execution(record):
    del record.executions[NAME], record.histories[NAME]


def change_the_start_date(record):
    record.executions[NAME]["start"] = 99.0


def invent_an_execution(record):
    record.executions["ghost"] = {"status": "SUCCEEDED", "start": 1.0, "stop": 2.0, "output": None}
    record.histories["ghost"] = [history()[0], {**history()[-1], "id": 2, "previous": 1}]


def leave_it_running(record):
    record.executions[NAME]["status"] = "RUNNING"
    record.histories[NAME].pop()


def fail_it(record):
    record.executions[NAME]["status"] = "FAILED"


def forget_a_stop(record):
    record.stops[NAME] = 103.0


def drop_an_event(record):
    del record.histories[NAME][5]


def point_forwards(record):
    record.histories[NAME][6]["previous"] = 20


def start_from_nothing(record):
    record.histories[NAME][8]["previous"] = 7


def double_a_result(record):
    record.histories[NAME][5] = {**record.histories[NAME][4], "id": 6}


def double_a_schedule(record):
    record.histories[NAME][10]["who"] = who("Slow", 0)


def end_twice(record):
    record.histories[NAME].append({**record.histories[NAME][-1], "id": 26, "previous": 25})


def lose_a_task_end(record):
    kept = record.histories[NAME]
    kept[22]["type"], kept[22]["name"] = "PassStateExited", "Other"


def enter_without_leaving(record):
    record.histories[NAME][13]["name"] = "Other"


def take_back_what_was_seen(record):
    record.seen[NAME].append((10, 9, "TaskSucceeded", 103.0))


def invoke_twice(record):
    record.ledger.append(line("begin", 103.0, "r2", "slow", who("Slow")))


def invoke_twice_under_another_id(record):
    record.ledger.append(line("begin", 103.0, "r9", "slow", who("Slow")))


def repeat_with_another_key(record):
    record.ledger[6]["request"] = "r9"


def share_a_request_id(record):
    record.ledger[3]["request"] = record.ledger[4]["request"] = "r1"


def invoke_what_never_started(record):
    record.ledger.append(line("begin", 103.0, "r9", "slow", who("Slow", 7)))


def succeed_without_invocation(record):
    record.ledger = [one for one in record.ledger if one["request"] != "r1"]


def unknown_without_a_kill(record):
    record.kills = [(90.0, 90.1), (109.0, 109.1)]


def unknown_long_after_the_handler_ended(record):
    record.histories[NAME][8]["at"] = 95.0
    record.ledger.append(line("end", 96.0, "r2", "slow", who("Slow")))


def unknown_for_an_idempotent_function(record):
    record.ledger[2]["function"] = "keyed"


def unknown_for_an_activity(record):
    record.histories[NAME][17].update(type="ActivityFailed", error=checker.UNKNOWN)
    record.hands[0]["answered"] = False


def invoke_after_a_stop(record):
    record.executions[NAME].update(status="ABORTED", stop=103.0)
    record.stops[NAME] = 103.0


def hand_out_a_token_twice(record):
    record.hands.append(copy.deepcopy(record.hands[0]))


def lose_an_answer(record):
    record.histories[NAME][17]["type"] = "ActivityTimedOut"


def mix_up_results(record):
    record.executions[NAME]["output"][0]["of"]["execution"] = "e-2"


def mix_up_the_order_of_items(record):
    record.executions[NAME]["output"] = [{"of": who("Line", item=1)}, {"of": who("Line", item=0)}]


@pytest.mark.parametrize("harm, rule", [
    (lose_an_execution, "lost_execution"),
    (change_the_start_date, "lost_execution"),
    (invent_an_execution, "invented_execution"),
    (leave_it_running, "stuck_execution"),
    (fail_it, "wrong_end"),
    (forget_a_stop, "changed_stop"),
    (drop_an_event, "gap_in_history"),
    (point_forwards, "broken_chain"),
    (start_from_nothing, "broken_chain"),
    (double_a_result, "doubled_event"),
    (double_a_schedule, "doubled_event"),
    (end_twice, "wrong_terminal"),
    (lose_a_task_end, "missing_event"),
    (enter_without_leaving, "missing_event"),
    (take_back_what_was_seen, "changed_history"),
    (invoke_twice, "invoked_twice"),
    (invoke_twice_under_another_id, "invoked_twice"),
    (repeat_with_another_key, "invoked_twice"),
    (share_a_request_id, "invoked_twice"),
    (invoke_what_never_started, "invoked_without_start"),
    (succeed_without_invocation, "result_without_invocation"),
    (unknown_without_a_kill, "unjustified_unknown"),
    (unknown_long_after_the_handler_ended, "unjustified_unknown"),
    (unknown_for_an_idempotent_function, "unjustified_unknown"),
    (unknown_for_an_activity, "unjustified_unknown"),
    (invoke_after_a_stop, "invoked_after_stop"),
    (hand_out_a_token_twice, "token_twice"),
    (lose_an_answer, "lost_answer"),
    (mix_up_results, "foreign_result"),
    (mix_up_the_order_of_items, "foreign_result"),
])
def test_each_harm_is_found(harm, rule):
    record = good()
    harm(record)
    assert rule in {text.split(":")[0] for text in checker.check(record)}


def test_every_rule_has_a_harm():
    tested = {mark.args[1][row][1] for mark in test_each_harm_is_found.pytestmark for row in range(len(mark.args[1]))}
    assert tested == {rule.__name__ for rule in checker.RULES}


def test_what_was_unfinished_at_the_kill():
    record = good()
    assert checker.unfinished(record, KILL[0]) == {("lambda:invoke", "Slow", "started"): 1}
    assert checker.running_at(record, KILL[0]) == 1
    assert checker.begun_at(record, 0.0, KILL[0]) == 1
