"""The page `docs/asl-fields.md`: every field of the States Language, and what shows that it works.

    python conformance/recorded/fields.py           # writes the page
    python conformance/recorded/fields.py --check   # ends with 1 if the page is not what would be written

The fields are those of the Developer Guide and of AWS's specification. What a field is worth here is not
said by hand: the page counts the recorded cases that pass and use the field, those that run it and those
that only check the definition.
"""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cases  # noqa: E402
import run  # noqa: E402

PAGE = cases.ROOT / "docs" / "asl-fields.md"

PATH, QUERY, BOTH = "JSONPath", "JSONata", "both"
COMPARISONS = [
    f"{kind}{order}{path}"
    for kind in ("String", "Numeric", "Timestamp")
    for order in ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
    for path in ("", "Path")
] + ["BooleanEquals", "BooleanEqualsPath", "StringMatches"]
TESTS = ["IsPresent", "IsNull", "IsString", "IsNumeric", "IsBoolean", "IsTimestamp"]
DATA = [("InputPath", PATH), ("OutputPath", PATH), ("Output", QUERY)]
STEP = [("Type", BOTH), ("Comment", BOTH), ("QueryLanguage", BOTH), *DATA]
ONWARD = [("Next", BOTH), ("End", BOTH), ("Assign", BOTH)]
WORK = [("ResultSelector", PATH), ("ResultPath", PATH), ("Retry", BOTH), ("Catch", BOTH)]

# Where a field stands, the field, its language.
FIELDS = {
    "Machine": [
        *((name, BOTH) for name in ("StartAt", "States", "Comment", "Version", "TimeoutSeconds", "QueryLanguage"))
    ],
    "Pass": [*STEP, *ONWARD, ("Result", PATH), ("ResultPath", PATH), ("Parameters", PATH)],
    "Task": [
        *STEP,
        *ONWARD,
        *WORK,
        ("Resource", BOTH),
        ("Parameters", PATH),
        ("Arguments", QUERY),
        ("TimeoutSeconds", BOTH),
        ("TimeoutSecondsPath", PATH),
        ("HeartbeatSeconds", BOTH),
        ("HeartbeatSecondsPath", PATH),
        ("Credentials", BOTH),
    ],
    "Choice": [*STEP, ("Choices", BOTH), ("Default", BOTH), ("Assign", BOTH)],
    "Choice rule": [
        ("Next", BOTH),
        ("Comment", BOTH),
        ("Assign", BOTH),
        ("Condition", QUERY),
        ("Output", QUERY),
        *((name, PATH) for name in ("Variable", "And", "Or", "Not", *COMPARISONS, *TESTS)),
    ],
    "Wait": [*STEP, *ONWARD, ("Seconds", BOTH), ("Timestamp", BOTH), ("SecondsPath", PATH), ("TimestampPath", PATH)],
    "Succeed": STEP,
    "Fail": [
        ("Type", BOTH),
        ("Comment", BOTH),
        ("QueryLanguage", BOTH),
        ("Error", BOTH),
        ("Cause", BOTH),
        ("ErrorPath", PATH),
        ("CausePath", PATH),
    ],
    "Parallel": [*STEP, *ONWARD, *WORK, ("Branches", BOTH), ("Parameters", PATH), ("Arguments", QUERY)],
    "Map": [
        *STEP,
        *ONWARD,
        *WORK,
        ("ItemProcessor", BOTH),
        ("Iterator", BOTH),
        ("ItemsPath", PATH),
        ("Items", QUERY),
        ("ItemSelector", BOTH),
        ("Parameters", PATH),
        ("MaxConcurrency", BOTH),
        ("MaxConcurrencyPath", PATH),
        ("ItemReader", BOTH),
        ("ItemBatcher", BOTH),
        ("ResultWriter", BOTH),
        ("Label", BOTH),
        ("ToleratedFailureCount", BOTH),
        ("ToleratedFailureCountPath", PATH),
        ("ToleratedFailurePercentage", BOTH),
        ("ToleratedFailurePercentagePath", PATH),
    ],
    "ProcessorConfig": [("Mode", BOTH), ("ExecutionType", BOTH)],
    "Retrier": [
        (name, BOTH)
        for name in (
            "ErrorEquals",
            "IntervalSeconds",
            "MaxAttempts",
            "BackoffRate",
            "MaxDelaySeconds",
            "JitterStrategy",
            "Comment",
        )
    ],
    "Catcher": [
        ("ErrorEquals", BOTH),
        ("Next", BOTH),
        ("ResultPath", PATH),
        ("Output", QUERY),
        ("Assign", BOTH),
        ("Comment", BOTH),
    ],
    "ItemReader": [("Resource", BOTH), ("Parameters", PATH), ("Arguments", QUERY), ("ReaderConfig", BOTH)],
    "ReaderConfig": [
        ("InputType", BOTH),
        ("Transformation", BOTH),
        ("ManifestType", BOTH),
        ("CSVDelimiter", BOTH),
        ("CSVHeaderLocation", BOTH),
        ("CSVHeaders", BOTH),
        ("ItemsPointer", BOTH),
        ("MaxItems", BOTH),
        ("MaxItemsPath", PATH),
    ],
    "ItemBatcher": [
        ("MaxItemsPerBatch", BOTH),
        ("MaxItemsPerBatchPath", PATH),
        ("MaxInputBytesPerBatch", BOTH),
        ("MaxInputBytesPerBatchPath", PATH),
        ("BatchInput", BOTH),
    ],
    "ResultWriter": [("Resource", BOTH), ("Parameters", PATH), ("Arguments", QUERY), ("WriterConfig", BOTH)],
    "WriterConfig": [("OutputType", BOTH), ("Transformation", BOTH)],
}

# What is taken and checked, and does nothing at run time yet; said under the table of its place.
NOT_RUN = {
    "Map": "A distributed Map (`Mode` `DISTRIBUTED`, and every field that only it has) does not run yet.",
    "Task": "`Credentials` are checked, and not used yet.",
}
DISTRIBUTED = {"ItemReader", "ReaderConfig", "ItemBatcher", "ResultWriter", "WriterConfig"}

HEAD = """\
# The fields of the States Language

Written by `cargo xtask fields`; do not change it by hand.

For each field: in which language a state has it, and how many of the cases recorded from AWS use it and pass
here, in an execution or in a test of the state (*run*), or in a definition that is only checked (*checked*).
A dash is no case: the field is read and checked by the rules of AWS's documentation, and tests of our own
are all that shows it. What a case is stands in `conformance/recorded/README.md`.
"""


def uses(definition):
    """Every `(place, field)` of a definition, which may be one state."""
    if not isinstance(definition, dict):
        return
    if "Type" in definition:
        yield from of_state(definition)
    else:
        yield from of_scope("Machine", definition)


def of_object(place, value):
    if isinstance(value, dict):
        yield from ((place, key) for key in value)


def of_scope(place, scope):
    yield from of_object(place, scope)
    states = scope.get("States")
    for state in states.values() if isinstance(states, dict) else ():
        yield from of_state(state)


def of_state(state):
    if not isinstance(state, dict):
        return
    place = state.get("Type")
    yield from of_object(place, state)
    for rule in state.get("Choices") or ():
        yield from of_rule(rule)
    for retrier in state.get("Retry") or ():
        yield from of_object("Retrier", retrier)
    for catcher in state.get("Catch") or ():
        yield from of_object("Catcher", catcher)
    for branch in state.get("Branches") or ():
        yield from of_scope("Branch", branch)
    for key in ("ItemProcessor", "Iterator"):
        processor = state.get(key)
        if isinstance(processor, dict):
            yield from of_object("ProcessorConfig", processor.get("ProcessorConfig"))
            yield from of_scope("Processor", processor)
    for key, inner in (("ItemReader", "ReaderConfig"), ("ItemBatcher", None), ("ResultWriter", "WriterConfig")):
        part = state.get(key)
        yield from of_object(key, part)
        if inner and isinstance(part, dict):
            yield from of_object(inner, part.get(inner))


def of_rule(rule):
    if not isinstance(rule, dict):
        return
    yield from of_object("Choice rule", rule)
    inner = [rule.get("Not")]
    for key in ("And", "Or"):
        inner.extend(rule.get(key) or ())
    for part in inner:
        yield from of_rule(part)


def count(all_cases, golden):
    """For each `(place, field)`: `[how many passing cases run it, how many check it]`."""
    counts = {}
    for case in all_cases:
        if case.path in golden:
            continue
        runs = any(op in ("StartExecution", "StartSyncExecution", "TestState") for op, _ in case.calls)
        used = {use for _, definition in case.definitions() for use in uses(definition)}
        for use in used:
            counts.setdefault(use, [0, 0])[0 if runs else 1] += 1
    return counts


def page(all_cases, golden):
    counts = count(all_cases, golden)
    lines = [HEAD]
    for place, fields in FIELDS.items():
        lines.append(f"## {place}\n")
        lines.append("| field | language | run | checked |")
        lines.append("|---|---|---|---|")
        for field, language in fields:
            shown = [str(number) if number else "–" for number in counts.get((place, field), [0, 0])]
            lines.append(f"| `{field}` | {language} | {shown[0]} | {shown[1]} |")
        lines.append("")
        note = NOT_RUN.get(place)
        if place in DISTRIBUTED:
            note = "Belongs to a distributed Map, which does not run yet; *run* counts tests of one state."
        if note:
            lines.append(note + "\n")
    return "\n".join(lines).rstrip() + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="fields", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="do not write; tell whether the page is up to date")
    options = parser.parse_args(arguments)
    where = cases.folder()
    if where is None:
        print("skipped: the recorded cases are not here")
        return 0
    wanted = page(cases.load(where), run.read_golden())
    if not options.check:
        PAGE.write_text(wanted, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == wanted:
        return 0
    print("error: docs/asl-fields.md is out of date. hint: cargo xtask fields", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
