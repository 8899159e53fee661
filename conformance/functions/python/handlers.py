"""Python handlers for the black-box tests: good ones, and every kind of bad one."""

import os
import subprocess
import sys
import time


class Trouble(Exception):
    """An error of the user's own."""


def echo(event, context):
    return event


def fail(event, context):
    raise Trouble("this went wrong")


def flaky(event, context):
    """Fails until the attempt that the event names."""
    if event["attempt"] < event["succeedsAt"]:
        raise Trouble(f"attempt {event['attempt']} went wrong")
    return {"attempt": event["attempt"]}


def tally(event, context):
    """Leaves an effect, a line in the file that the event names; then fails unless what it needs is there. May take a while."""
    with open(event["effects"], "a", encoding="utf-8") as effects:
        effects.write(f"{event['who']} {context.aws_request_id}\n")
    time.sleep(event.get("seconds", 0))
    if "needs" in event and not os.path.exists(event["needs"]):
        raise Trouble(f"{event['needs']} is not there")
    return {"by": event["who"]}


def sleep(event, context):
    """Sleeps; tells in a file that it began and that it ended, if the event names one."""
    note(event, "began")
    time.sleep(event["seconds"])
    note(event, "ended")
    return {"slept": event["seconds"]}


def note(event, word):
    if "notes" in event:
        with open(event["notes"], "a", encoding="utf-8") as notes:
            notes.write(f"{word} {os.getpid()}\n")


def vanish(event, context):
    """Ends its own process in the middle of the call."""
    os._exit(event.get("code", 7))


def noisy(event, context):
    """Writes what could be taken for a protocol to stdout and stderr, bytes that are no text included."""
    sys.stdout.write('{"errorType": "Fake"}\nlistening on http://127.0.0.1:1\n')
    sys.stdout.flush()
    os.write(1, bytes(range(256)) * 512)
    os.write(2, b"\xff\xfe\x00 no text\n" * 512)
    return {"said": "much"}


def unspeakable(event, context):
    """Returns what JSON has no word for."""
    return {"when": object()}


def large(event, context):
    return {"text": "x" * event["bytes"]}


def about(event, context):
    """What a handler can see of its surroundings."""
    return {
        "environment": dict(os.environ),
        "requestId": context.aws_request_id,
        "functionName": context.function_name,
        "remaining": context.get_remaining_time_in_millis(),
        "pid": os.getpid(),
    }


def fork(event, context):
    """Leaves a child behind that ignores everything, and never returns."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
    )
    with open(event["notes"], "w", encoding="utf-8") as notes:
        notes.write(str(child.pid))
    time.sleep(600)
