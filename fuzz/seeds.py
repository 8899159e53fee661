#!/usr/bin/env python3
"""Fills the corpus with the language cases of the JSONata project.

They are found in the folder that STEPWELL_SHARED names, or in a folder `shared` beside the repository.
Each case is a seed of both targets: its expression alone, and with its input after a byte 0xFF.
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

written = 0
for line in (suite / "cases.jsonl").read_text().splitlines():
    case = json.loads(line)
    expression = case["expr"].encode("utf-8", "replace")
    data = case.get("data", datasets.get(case.get("dataset") or ""))
    text = json.dumps(data).encode() if data is not None else b""
    if len(text) > INPUT_BYTES_MAX:
        text = b'{"Account": {"Order": [{"Product": [{"Price": 1.5, "Quantity": 2}], "OrderID": "x"}]}}'
    for target, seed in (("jsonata_parse", expression), ("jsonata_evaluate", expression + b"\xff" + text)):
        folder = here / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
        written += 1
print(f"{written} seeds")
