"""Finds, for each key of `expect`, the answer it speaks of, and compares the two.

The keys are in the order of the calls or sorted by name, and leave out calls that were not recorded.
So a key is given to a call by what it holds: the members of a success name the operation, and the
keys of one operation keep the order of its calls. A refusal belongs to a call that may be refused,
in order. Where more calls than keys are possible, the calls that agree are taken, earlier ones first.
"""

import functools
import json
import re

import compare
import records
from compare import ABSENT, Bindings, differences, objects_parsed

# The operations that answer with these members, most telling ones first.
_BY_MEMBERS = [
    ({"events"}, {"GetExecutionHistory"}),
    ({"inspectionData"}, {"TestState"}),
    ({"diagnostics"}, {"ValidateStateMachineDefinition"}),
    ({"billingDetails"}, {"StartSyncExecution"}),
    ({"mapRuns"}, {"ListMapRuns"}),
    ({"itemCounts"}, {"DescribeMapRun"}),
    ({"executions"}, {"ListExecutions"}),
    ({"stateMachines"}, {"ListStateMachines"}),
    ({"activities"}, {"ListActivities"}),
    ({"stateMachineVersions"}, {"ListStateMachineVersions"}),
    ({"stateMachineAliases"}, {"ListStateMachineAliases"}),
    ({"tags"}, {"ListTagsForResource"}),
    ({"definition", "updateDate"}, {"DescribeStateMachineForExecution"}),
    ({"definition"}, {"DescribeStateMachine"}),
    ({"routingConfiguration"}, {"DescribeStateMachineAlias"}),
    ({"executionArn", "status"}, {"DescribeExecution", "StartSyncExecution"}),
    ({"executionArn", "startDate"}, {"StartExecution"}),
    ({"activityArn", "name"}, {"DescribeActivity"}),
    ({"activityArn", "creationDate"}, {"CreateActivity"}),
    ({"stateMachineAliasArn", "creationDate"}, {"CreateStateMachineAlias"}),
    ({"stateMachineArn", "creationDate"}, {"CreateStateMachine"}),
    ({"stateMachineVersionArn", "creationDate"}, {"PublishStateMachineVersion"}),
    ({"stopDate"}, {"StopExecution"}),
    ({"updateDate"}, {"UpdateStateMachine", "UpdateStateMachineAlias"}),
    ({"redriveDate"}, {"RedriveExecution"}),
    ({"taskToken"}, {"GetActivityTask"}),
    ({"status"}, {"TestState"}),
]  # fmt: skip
# The operations that answer nothing. A key such as `untag_resource_resp` or `deletion_response` tells the verb.
_ANSWERS_NOTHING = [
    "UntagResource", "TagResource", "DeleteStateMachineVersion", "DeleteStateMachineAlias", "DeleteStateMachine",
    "DeleteActivity", "SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat", "UpdateMapRun",
]  # fmt: skip
_NAMES = ("state_machine_name", "role_arn")
_CLIENT_SIDE = "Parameter validation failed"


class Unsaid(Exception):
    """An expectation of something that is no answer of Step Functions, such as a log record."""


def check(case, replay):
    """`([(key, [difference])], [key])`: the keys that differ, and those that cannot be checked."""
    bindings = Bindings(_possible(case, replay))
    found = []
    told, unsaid = pairs(case, replay)
    for key, expected, answer in told:
        if answer is None:
            found.append((key, [("", expected, ABSENT)]))
            continue
        unlike = differences(expected, compare.as_of(case.day, expected, answer), bindings)
        if unlike:
            found.append((key, unlike))
    return found, unsaid


def _possible(case, replay):
    """The names of this run, by the family of placeholders that may stand for them."""
    given = {kind: {v for name, v in replay.values.items() if name.startswith(kind)} for kind in _NAMES}
    machines = {str(request.get("name")) for op, request in case.calls if op == "CreateStateMachine"}
    return {
        "ArnPart": given["state_machine_name"] | machines,
        "ExecArnPart": {arn.rpartition(":")[2] for arn in replay.counted["execution_arn"]},
        "role": given["role_arn"],
        "lambda": set(replay.functions.values()),
    }


def pairs(case, replay):
    """`([(key, expected, normalised answer or None)], [key that is no answer])`, in the order of `expect`."""
    seen = [_as_recorded(answer) for answer in replay.answers]
    chosen, groups, unsaid, ends = {}, {}, [], 0
    for key, expected in sorted(case.expect.items(), key=_in_order(case.expect)):
        if _is_client_side(expected):
            continue  # Refused by boto3 itself: there was no call, and so there is no answer.
        if replay.logs and records.are_records(key, expected):
            chosen[key] = (expected, replay.all_records(len(expected)))
            continue
        if replay.logs and records.is_record(expected):
            chosen[key] = (expected, replay.end_record(ends))
            ends += 1
            continue
        try:
            if isinstance(expected, list):
                chosen[key] = (expected, _outcomes(replay, expected))
            else:
                groups.setdefault(_group(key, expected), []).append((key, expected))
        except Unsaid:
            unsaid.append(key)

    taken = set()
    for (refused, ops), members in groups.items():
        possible = [
            index
            for index, answer in enumerate(replay.answers)
            if index not in taken and (ops is None or answer.op in ops) and (refused or not answer.refused() or ops)
        ]
        for (key, expected), index in zip(members, _assigned(members, possible, seen, case.day)):
            if index is None and possible and replay.answers[possible[-1]].op.startswith(("Describe", "List", "Get")):
                index = possible[-1]  # The same question was asked again and folded into one.
            if index is None:
                chosen[key] = (expected, None)
            else:
                taken.add(index)
                chosen[key] = (expected, _in_form_of(expected, replay.answers[index], seen[index]))
    return [(key, *chosen[key]) for key in case.expect if key in chosen], unsaid


def _in_order(expect):
    """As given; but names sorted as text put `_10` before `_2`, and are sorted as numbers instead."""
    keys = list(expect)
    if keys != sorted(keys):
        return lambda item: keys.index(item[0])
    return lambda item: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", item[0])]


def _is_client_side(expected):
    text = expected.get("exception_value") if isinstance(expected, dict) else expected
    return isinstance(text, str) and text.startswith(_CLIENT_SIDE)


def _group(key, expected):
    """`(refused, operations or None for any)`."""
    text = expected.get("exception_value") if isinstance(expected, dict) else expected
    if isinstance(text, str):
        match = re.search(r"when calling the (\w+) operation", text)
        return True, frozenset([match[1]]) if match else None
    if not isinstance(expected, dict):
        raise Unsaid
    if "Error" in expected and "ResponseMetadata" in expected and isinstance(expected["Error"], dict):
        return True, None
    members = expected.keys() - {"ResponseMetadata"}
    if "ResponseMetadata" not in expected:
        raise Unsaid
    if not members:
        return False, _answering_nothing(key)
    for telling, ops in _BY_MEMBERS:
        if telling <= members:
            return False, frozenset(ops)
    raise Unsaid


def _answering_nothing(key):
    """The operations that a key may mean which holds an empty answer."""
    verb = next((verb for verb in ("untag", "tag", "delet", "send", "update") if verb in key.lower()), "")
    return frozenset(op for op in _ANSWERS_NOTHING if op.lower().startswith(verb))


def _assigned(members, possible, seen, day):
    """For each expectation the index of its answer, rising; as many agreements as can be had."""

    @functools.cache
    def agrees(position, index):
        expected = members[position][1]
        answer = seen[index]
        form = _in_form_of(expected, answer["answer"], answer)
        return not differences(expected, compare.as_of(day, expected, form), Bindings())

    @functools.cache
    def best(position, start):
        if position == len(members):
            return 0, ()
        if start >= len(possible):
            return 0, (None,) * (len(members) - position)
        # All that are left have to be given out: one for each.
        spare = (len(possible) - start) - (len(members) - position)
        options = []
        for skip in range(max(0, spare) + 1):
            index = possible[start + skip]
            score, rest = best(position + 1, start + skip + 1)
            options.append((score + agrees(position, index), -skip, (index, *rest)))
        score, _, chosen = max(options, key=lambda option: option[:2])
        return score, chosen

    return best(0, 0)[1]


def _as_recorded(answer):
    """An answer as the recorder kept it, before names were replaced."""
    body = {key: value for key, value in answer.body.items() if key != "__type"}
    if answer.refused():
        body = {"Error": {"Code": answer.code(), "Message": answer.message()}, **body}
    metadata = {"HTTPHeaders": {}, "HTTPStatusCode": answer.status}
    return {"answer": answer, "value": {**objects_parsed(body), "ResponseMetadata": metadata}}


def _in_form_of(expected, answer, seen):
    """An answer in the form in which this key was kept: a whole answer, or an exception of boto3."""
    if isinstance(expected, dict) and "exception_value" not in expected:
        return seen["value"]
    if not answer.refused():
        return seen["value"]
    text = f"An error occurred ({answer.code()}) when calling the {answer.op} operation: {answer.message()}"
    if isinstance(expected, str):
        return text
    return {"exception_typename": answer.code(), "exception_value": text}


def _outcomes(replay, expected):
    """`[{"input", "output"}]` of all executions: how the choice operators were kept."""
    if not expected or not isinstance(expected[0], dict) or set(expected[0]) != {"input", "output"}:
        raise Unsaid
    found = []
    for answer in replay.answers:
        if answer.op == "GetExecutionHistory" and not answer.refused():
            started, ended = answer.body["events"][0], answer.body["events"][-1]
            given = started.get("executionStartedEventDetails", {}).get("input")
            gave = ended.get("executionSucceededEventDetails", {}).get("output")
            found.append({"input": _parsed(given), "output": _parsed(gave)})
    return found


def _parsed(text):
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text
