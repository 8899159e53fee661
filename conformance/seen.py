"""What of AWS's model the answers of a test run have shown, by watching the clients of boto3."""

import pathlib

import model

GOLDEN = pathlib.Path(__file__).with_name("unseen.txt")
HEAD = """\
# What of AWS's model no test of this folder has made the server answer with: members (out) and
# exceptions (error) by operation, then a tab and the reason. This file may only shrink: what a test
# shows has to leave it, and what no test shows any more must not come in. Lines that a whole run has
# shown to be stale are taken out by it if STEPWELL_UPDATE=1.
"""

_seen = set()


def watch(client):
    """Notes every answer that this client gets from now on."""
    client.meta.events.register("after-call", _note)


def _note(parsed, model, **_):
    name = model.name
    if "Error" in parsed:
        _seen.add(("error", name, parsed["Error"].get("Code", "")))
        return
    for key, value in parsed.items():
        if key != "ResponseMetadata":
            _walk(name, key, value)


def _walk(name, path, value):
    _seen.add(("out", name, path))
    if isinstance(value, dict):
        for key, inner in value.items():
            _walk(name, f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                for key, innermost in inner.items():
                    _walk(name, f"{path}[].{key}", innermost)
            else:
                _seen.add(("out", name, path + "[]"))


def modelled():
    """Everything that an operation of the model may answer with."""
    for name, operation in model.read().items():
        for error in operation.errors:
            yield ("error", name, error)
        for member in operation.gives.all():
            # The structures of a list have no line of their own, and the values of a map any name.
            if not member.path.endswith("[]") or member.type != "structure":
                if "{}" not in member.path:
                    yield ("out", name, member.path)


def unseen():
    """What of the model was not shown in this run."""
    return set(modelled()) - _seen


def read_golden():
    """The reasons by what has not been seen."""
    reasons = {}
    for line in GOLDEN.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            what, _, reason = line.partition("\t")
            kind, name, item = what.split(" ")
            reasons[kind, name, item] = reason
    return reasons


def write_golden(reasons):
    lines = sorted(" ".join(what) + "\t" + reason for what, reason in reasons.items())
    GOLDEN.write_text(HEAD + "".join(line + "\n" for line in lines), "utf-8")
