"""What the black-box tests share: a server per file, and small verbs to talk about machines."""

import itertools
import json
import pathlib

import pytest
import server as servers

HERE = pathlib.Path(__file__).resolve().parent

_numbers = itertools.count(1)


def pytest_configure(config):
    servers.binary()  # Fail at once, and once, if there is nothing to test.


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """What all tests have shown is judged after them, and only where they all run."""
    last = [item for item in items if item.path.name == "test_seen.py"]
    others = [item for item in items if item not in last]
    files = {path for path in HERE.rglob("test_*.py") if "node_modules" not in path.parts}
    is_whole = {item.path for item in items} == files and not config.option.keyword
    items[:] = others + (last if is_whole else [])
    if last and not is_whole:
        config.hook.pytest_deselected(items=last)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows the end of the server's stderr beside a failed test."""
    outcome = yield
    report = outcome.get_result()
    server = getattr(item, "funcargs", {}).get("server")
    if report.when == "call" and report.failed and server is not None:
        report.sections.append(("stderr of stepwell", server.stderr()[-4000:]))


@pytest.fixture(scope="module")
def server():
    with servers.running() as running:
        yield running


@pytest.fixture(scope="module")
def sfn(server):
    return server.client()


class World:
    """Verbs over the client: create a machine, run it, read its history."""

    def __init__(self, sfn):
        self.sfn = sfn

    def name(self, prefix="test"):
        return f"{prefix}-{next(_numbers)}"

    def machine(self, definition, name=None):
        """Creates a machine from a definition (an object) and returns its ARN."""
        return self.sfn.create_state_machine(
            name=name or self.name("machine"), definition=json.dumps(definition), roleArn=servers.ROLE_ARN
        )["stateMachineArn"]

    def states(self, start_at, **states):
        """A machine of these states."""
        return self.machine({"StartAt": start_at, "States": states})

    def start(self, machine, value=None, **options):
        """Starts an execution with an input (an object) and returns its ARN."""
        return self.sfn.start_execution(
            stateMachineArn=machine, input=json.dumps({} if value is None else value), **options
        )["executionArn"]

    def end(self, execution, seconds=30):
        """The description of an execution once it has ended."""

        def probe():
            described = self.sfn.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return servers.until(probe, seconds, f"the end of {execution}")

    def run(self, machine, value=None, seconds=30):
        """Runs a machine to its end: `(description, history)`."""
        execution = self.start(machine, value)
        return self.end(execution, seconds), self.history(execution)

    def output(self, machine, value=None):
        """The output of a run that must succeed."""
        described, history = self.run(machine, value)
        assert described["status"] == "SUCCEEDED", (described.get("error"), described.get("cause"), lines(history))
        return json.loads(described["output"])

    def history(self, execution):
        events, more = [], {}
        while True:
            page = self.sfn.get_execution_history(executionArn=execution, maxResults=1000, **more)
            events += page["events"]
            if "nextToken" not in page:
                return events
            more = {"nextToken": page["nextToken"]}

    def activity(self):
        return self.sfn.create_activity(name=self.name("activity"))["activityArn"]

    def take(self, activity, worker="tests"):
        """The next task of an activity, which must be there or come within the minute."""
        task = self.sfn.get_activity_task(activityArn=activity, workerName=worker)
        assert task.get("taskToken"), "the poll ended without a task"
        return task

    def refused(self, error, call, **arguments):
        """The message with which a call is refused with this exception of the client."""
        with pytest.raises(self.sfn.exceptions.ClientError) as caught:
            getattr(self.sfn, call)(**arguments)
        answer = caught.value.response
        assert answer["Error"]["Code"] == error, answer
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400, answer
        modelled = getattr(self.sfn.exceptions, error, None)
        assert modelled is None or isinstance(caught.value, modelled), type(caught.value)
        return answer["Error"]["Message"]


@pytest.fixture
def world(sfn):
    return World(sfn)


def lines(history):
    """A history as text, one event a line: `4<3 ExecutionSucceeded`, with the state's name if it has one."""
    text = []
    for event in history:
        details = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
        name = details.get("name", "")
        index = details.get("index", "")
        text.append(f"{event['id']}<{event['previousEventId']} {event['type']} {name} {index}".rstrip())
    return text
