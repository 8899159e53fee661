"""The Lambda functions of the cases: what a case says in words, as handlers that the runner runs.

The cases name the line of a handler in its stack trace, so the text of a handler here is part of what
is compared: `raise` stands where it stood when AWS was recorded.
"""

import hashlib

_RAISES_CUSTOM = '''\
class CustomException(Exception):
    """An exception class of its own."""

    # Its message stays empty.
    pass


def handler(event, context):
    raise CustomException()
'''

# The words of a case, and the handler that does what they say.
HANDLERS = {
    "returns its event unchanged (echo)": "def handler(event, context):\n    return event\n",
    'raises Exception("Some exception was raised.")': (
        'def handler(event, context):\n    raise Exception("Some exception was raised.")\n'
    ),
    "raises CustomException (exception class of its own; str() of it is empty)": _RAISES_CUSTOM,
    'returns the bytes "HelloWorld!" (with the quotes: a JSON string)': (
        "def handler(event, context):\n    return b'\"HelloWorld!\"'\n"
    ),
    'ignores its event and returns {"Return": "HelloWorld"}': (
        'def handler(event, context):\n    return {"Return": "HelloWorld"}\n'
    ),
    "returns 257 KiB of the letter a, as bytes (emitted unquoted as they are)": (
        'def handler(event, context):\n    return b"a" * (257 * 1024)\n'
    ),
    "sleeps 60 s, then returns its event": (
        "import time\n\n\ndef handler(event, context):\n    time.sleep(60)\n    return event\n"
    ),
}

# How many functions of one behaviour a case may have: each needs a name of its own.
PER_CASE_MAX = 4


def unknown(case):
    """The behaviours of a case for which there is no handler."""
    return [function["behaviour"] for function in case.lambdas if function["behaviour"] not in HANDLERS]


def names(case):
    """The functions of a case: placeholder (`lambda1`) to name."""
    used, found = {}, {}
    for function in case.lambdas:
        behaviour = function["behaviour"]
        used[behaviour] = used.get(behaviour, 0) + 1
        found[function["name"].strip("{}")] = _name(behaviour, used[behaviour])
    return found


def write(folder):
    """Writes the handlers and the functions file into a folder; returns the path of the file."""
    lines = []
    for behaviour, text in HANDLERS.items():
        code = folder / _slug(behaviour)
        code.mkdir()
        (code / "handler.py").write_text(text, "utf-8")
        # One that sleeps keeps its process; the others are done at once.
        concurrency = 6 if "sleeps" in behaviour else 2
        for number in range(1, PER_CASE_MAX + 1):
            lines += [
                "[[function]]",
                f'name = "{_name(behaviour, number)}"',
                'runtime = "python3.11"',
                'handler = "handler.handler"',
                f'code = "{code.name}"',
                "timeout_seconds = 90",
                f"concurrency = {concurrency}",
                "",
            ]
    path = folder / "functions.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def _slug(behaviour):
    return hashlib.sha1(behaviour.encode()).hexdigest()[:7]


def _name(behaviour, number):
    """As long as the names of the recordings: answers hold them, and `Content-Length` counts them."""
    return f"lambda_func_{_slug(behaviour)}{number}"
