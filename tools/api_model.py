"""Writes AWS's model of Step Functions as a table that tests are held against.

    python tools/api_model.py     # wants botocore; writes crates/api/tests/model.txt

Only names, types and constraints are kept. Below an operation stand its exceptions, what goes in and
what comes out, one member a line:

    operation CreateActivity
      error InvalidName
      in name! string 1..80
      in tags list
      in tags[].key string 1..128
      out creationDate! timestamp

`!` is required (of the structure it stands in, if that is there); `[]` is each member of a list and
`{}` each value of a map. A range is of lengths for strings and lists and of values for numbers, either
end may be missing. `secret` is a string that messages must not repeat; `enum A B` is what it may be;
`pattern`, always last, is the regular expression it must match.
"""

import gzip
import json
import pathlib

import botocore

OUTPUT = pathlib.Path(__file__).resolve().parents[1] / "crates/api/tests/model.txt"
VERSION = "2016-11-23"


def line(direction, path, is_required, shape):
    words = [direction, path + ("!" if is_required else ""), shape["type"]]
    if "min" in shape or "max" in shape:
        words.append(f"{shape.get('min', '')}..{shape.get('max', '')}")
    if shape.get("sensitive"):
        words.append("secret")
    if "enum" in shape:
        words += ["enum", *shape["enum"]]
    if "pattern" in shape:
        words += ["pattern", shape["pattern"]]
    return "  " + " ".join(words)


def members(shapes, direction, path, name, within=()):
    """The lines of what is inside of a shape."""
    shape = shapes[name]
    if name in within:
        raise ValueError(f"{name} contains itself")
    within = (*within, name)
    inner = {
        "structure": lambda: [
            (f"{path}.{member}" if path else member, member in shape.get("required", []), target["shape"])
            for member, target in shape["members"].items()
        ],
        "list": lambda: [(path + "[]", False, shape["member"]["shape"])],
        "map": lambda: [(path + "{}", False, shape["value"]["shape"])],
    }.get(shape["type"], list)()
    for inner_path, is_required, target in inner:
        # The structure of a list has no line of its own: its members say all.
        if not (inner_path.endswith("[]") and shapes[target]["type"] == "structure"):
            yield line(direction, inner_path, is_required, shapes[target])
        yield from members(shapes, direction, inner_path, target, within)


def table():
    data = pathlib.Path(botocore.__file__).parent / "data" / "stepfunctions" / VERSION / "service-2.json.gz"
    model = json.loads(gzip.decompress(data.read_bytes()))
    shapes = model["shapes"]
    yield f"# Step Functions {VERSION}, from botocore {botocore.__version__}. Written by tools/api_model.py."
    for name, operation in sorted(model["operations"].items()):
        prefix = operation.get("endpoint", {}).get("hostPrefix", "")
        yield f"operation {name}" + (f" at {prefix}" if prefix else "")
        for error in sorted(error["shape"] for error in operation.get("errors", [])):
            yield f"  error {error}"
        if "input" in operation:
            yield from members(shapes, "in", "", operation["input"]["shape"])
        if "output" in operation:
            yield from members(shapes, "out", "", operation["output"]["shape"])


if __name__ == "__main__":
    OUTPUT.write_text("".join(line + "\n" for line in table()))
