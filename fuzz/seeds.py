#!/usr/bin/env python3
"""Fills the corpus with the language cases of the JSONata project and the definitions recorded from AWS.

They are found in the folder that STEPWELL_SHARED names, or in a folder `shared` beside the repository.
Each case of JSONata is a seed of both its targets: its expression alone, and with its input after a byte
0xFF. Of the recorded definitions, the whole of each is a seed, and the paths and functions in it.
"""

import hashlib
import json
import os
import pathlib

# Larger inputs slow the fuzzer down more than they help it.
INPUT_BYTES_MAX = 2000

here = pathlib.Path(__file__).resolve().parent
shared = pathlib.Path(os.environ.get("STEPWELL_SHARED", here.parent.parent / "shared"))
suite = shared / "jsonata-suite"
datasets = json.loads((suite / "datasets.json").read_text())



def keep(target, seed):
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    return 1


def texts(value):
    """Every text in a value, with the key it stands under."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str):
                yield key, inner
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


written = 0
for line in (suite / "cases.jsonl").read_text().splitlines():
    case = json.loads(line)
    expression = case["expr"].encode("utf-8", "replace")
    data = case.get("data", datasets.get(case.get("dataset") or ""))
    text = json.dumps(data).encode() if data is not None else b""
    if len(text) > INPUT_BYTES_MAX:
        text = b'{"Account": {"Order": [{"Product": [{"Price": 1.5, "Quantity": 2}], "OrderID": "x"}]}}'
    written += keep("jsonata_parse", expression)
    written += keep("jsonata_evaluate", expression + b"\xff" + text)
for path in sorted((shared / "conformance").glob("*/*.json")):
    case = json.loads(path.read_text())
    inputs = [execution.get("input") or "{}" for execution in case["executions"]] or ["{}"]
    data = b"\xff" + inputs[0].encode()[:INPUT_BYTES_MAX]
    for machine in case["state_machines"]:
        definition = machine["definition"]
        written += keep("definition", definition.encode() + data)
        try:
            parsed = json.loads(definition)
        except ValueError:
            continue
        for key, text in texts(parsed):
            if text.startswith("$"):
                written += keep("jsonpath", text.encode() + data)
                written += keep("reference_path", text.encode() + data)
            elif text.startswith("States.") and "(" in text:
                written += keep("intrinsics", text.encode() + data)
            elif key == "ResultPath":
                written += keep("reference_path", text.encode() + data)
print(f"{written} seeds")
