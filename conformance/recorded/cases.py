"""The recorded cases: where they are, and which issue lets each of them pass.

The owner of a case is found by rule from what the case uses, never from its name, so that a case
which is not here yet finds its place as well.
"""

import json
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What has no issue of its own yet, by name instead of a number. They come after every number.
INTEGRATIONS = "integrations"
DISTRIBUTED_MAP = "distributed-map"
CREDENTIALS = "credentials"
OUTSIDE = "outside"
_LATER = [INTEGRATIONS, DISTRIBUTED_MAP, CREDENTIALS, OUTSIDE]

# The areas that issue 3 has to pass whole, as far as nothing in a case belongs to a later one.
JSONATA_AREAS = {"evaluate_jsonata", "query_language", "outputdecl", "arguments", "assign", "states_variables"}

# Operations that come with an issue, whatever they are asked.
_OPERATIONS = {
    "TestState": ("4", "TestState"),
    "ValidateStateMachineDefinition": ("4", "ValidateStateMachineDefinition"),
    "StartSyncExecution": ("5", "Express"),
    "PublishStateMachineVersion": ("5", "versions"),
    "ListStateMachineVersions": ("5", "versions"),
    "DeleteStateMachineVersion": ("5", "versions"),
    "CreateStateMachineAlias": ("5", "aliases"),
    "DescribeStateMachineAlias": ("5", "aliases"),
    "UpdateStateMachineAlias": ("5", "aliases"),
    "ListStateMachineAliases": ("5", "aliases"),
    "DeleteStateMachineAlias": ("5", "aliases"),
    "RedriveExecution": ("5", "redrive"),
    "TagResource": ("5", "tags"),
    "UntagResource": ("5", "tags"),
    "ListTagsForResource": ("5", "tags"),
    "ListMapRuns": (DISTRIBUTED_MAP, "Map Runs"),
    "DescribeMapRun": (DISTRIBUTED_MAP, "Map Runs"),
    "UpdateMapRun": (DISTRIBUTED_MAP, "Map Runs"),
}


def folder():
    """The folder of the cases: `STEPWELL_SHARED`, or `shared` beside the repository; `None` if absent."""
    shared = pathlib.Path(os.environ.get("STEPWELL_SHARED") or ROOT.parent / "shared")
    found = shared / "conformance"
    return found if found.is_dir() else None


class Case:
    """One case file."""

    def __init__(self, path, data):
        self.path = path  # `area/file.json`, how everything here names it.
        self.area = data["area"]
        self.day = _day(data["validated_on_aws"])
        self.needs = data["needs"]
        self.lambdas = data["lambdas"]
        self.calls = [(call["op"], call["request"]) for call in data["calls"]]
        self.expect = data["expect"]

    def definitions(self):
        """Every definition that is sent, parsed where it is JSON."""
        for op, request in self.calls:
            if "definition" in request:
                try:
                    yield op, json.loads(request["definition"])
                except ValueError:
                    yield op, None


def _day(text):
    """`YYYY-MM-DD` of a date, which is also written `DD-MM-YYYY, ...`."""
    match = re.match(r"(\d\d)-(\d\d)-(\d{4})", text)
    return f"{match[3]}-{match[2]}-{match[1]}" if match else text[:10]


def load(where):
    """All cases of a folder, in the order of their paths."""
    files = sorted(where.glob("*/*.json"))
    return [Case(f"{file.parent.name}/{file.name}", json.loads(file.read_text("utf-8"))) for file in files]


def owner(case):
    """`(issue, reason)`: the last of the issues whose work the case needs."""
    return max(_uses(case), key=lambda use: _rank(use[0]))


def _rank(issue):
    return (1, _LATER.index(issue)) if issue in _LATER else (0, int(issue))


def _uses(case):
    """What a case uses, each with the issue that builds it. The first of equals names the reason."""
    runs = any(op in ("StartExecution", "StartSyncExecution") for op, _ in case.calls)
    if "cloudformation" in case.needs:
        yield OUTSIDE, "its machine is made by CloudFormation"

    for op, request in case.calls:
        if op in _OPERATIONS:
            yield _OPERATIONS[op]
        if request.get("type") == "EXPRESS" and op == "CreateStateMachine":
            yield "5", "Express"
        if request.get("publish") or "versionDescription" in request:
            yield "5", "versions"
        if "tags" in request:
            yield "5", "tags"
        if "loggingConfiguration" in request:
            yield "5", "execution logging"

    for op, definition in case.definitions():
        for thing in _objects(definition):
            # Only an execution reaches a service, an account or the items of a distributed Map; a
            # definition that is refused, or a state that is tested with a mock, does not.
            if runs:
                yield from _of_resource(str(thing.get("Resource", "")))
                if "Credentials" in thing:
                    yield CREDENTIALS, "Credentials"
                processor = thing.get("ProcessorConfig")
                distributed = isinstance(processor, dict) and processor.get("Mode") == "DISTRIBUTED"
                if distributed or thing.keys() & {"ItemReader", "ResultWriter", "ItemBatcher"}:
                    yield DISTRIBUTED_MAP, "distributed Map"
            if thing.get("QueryLanguage") == "JSONata":
                yield "3", "JSONata"

    if "Error=ValueError Args=" in json.dumps(case.expect):
        yield OUTSIDE, "the message is that of LocalStack, not of AWS"
    if "variableReferences" in json.dumps(case.expect):
        yield "4", "variableReferences"
    if case.area in JSONATA_AREAS:
        yield "3", "JSONata states"
    elif not any(thing.get("QueryLanguage") == "JSONata" for _, one in case.definitions() for thing in _objects(one)):
        yield "4", "the States Language"


def _of_resource(resource):
    prefix = "arn:aws:states:::"
    if not resource.startswith(prefix) or resource.startswith(prefix + "lambda:"):
        return
    action = resource.removeprefix(prefix)
    if action.startswith("states:startExecution") or action == "aws-sdk:sfn:startSyncExecution":
        yield "5", "child executions"
    elif action.startswith("aws-sdk:sfn:"):
        return
    else:
        yield INTEGRATIONS, action


def _objects(value):
    """Every object inside a JSON value."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
