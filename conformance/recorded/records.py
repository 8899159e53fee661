"""The log records of executions, out of the files in the server's data folder.

A recorded record is the message that AWS sent to CloudWatch Logs, with payloads parsed as everywhere.
Ours are found by the ARNs of the executions that the case started, in whatever log group they are.
"""

import json

import compare

_TELLING = {"event_timestamp", "execution_arn", "previous_event_id"}
_ENDS = {f"Execution{how}" for how in ("Succeeded", "Failed", "Aborted", "TimedOut")}


def is_record(expected):
    return isinstance(expected, dict) and _TELLING <= expected.keys()


def are_records(key, expected):
    """Whether a key of `expect` holds all records of a case."""
    named = key.startswith("logged_execution_events")
    return isinstance(expected, list) and (named or expected != [] and all(map(is_record, expected)))


def of(folder, executions):
    """The records of these executions, those of each in the order of the files."""
    found = {arn: [] for arn in executions}
    for file in sorted(folder.rglob("*.jsonl")) if folder.is_dir() else []:
        # What follows the last end of a line is being written.
        for line in file.read_text("utf-8").split("\n")[:-1]:
            record = json.loads(line)
            if record["execution_arn"] in found:
                found[record["execution_arn"]].append(record)
    for arn, records in found.items():
        if ":express:" in arn:
            records.sort(key=lambda record: int(record["id"]))  # AWS promises no order.
    return [compare.objects_parsed(record) for arn in executions for record in found[arn]]


def end_of(folder, execution):
    """The record of the end of an execution; `None` while there is none."""
    return next((record for record in of(folder, [execution]) if record["type"] in _ENDS), None)


def count_expected(case):
    """How many records the executions of a case leave in all; `None` if the case does not tell."""
    for key, expected in case.expect.items():
        if are_records(key, expected):
            return len(expected)
    levels = [
        request["loggingConfiguration"].get("level") for _, request in case.calls if "loggingConfiguration" in request
    ]
    return 0 if levels and set(levels) == {"OFF"} else None
