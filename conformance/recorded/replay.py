"""Makes the calls of a case, at the level of the wire, and keeps the answers.

The calls were recorded there too: a client library would check, default and reshape them. Repeated
polls were folded into one, so a call that reads is made once what it reads has come to rest.
"""

import hashlib
import http.client
import json
import re
import time
import urllib.parse

import behaviours
import records

ACCOUNT, REGION = "111111111111", "us-east-1"

# The longest a case may take, in seconds: the longest recorded ones wait for ten.
CASE_SECONDS_MAX = 40

# Any signature is accepted; the access key names the account.
_CREDENTIAL = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/states/aws4_request, SignedHeaders=host, Signature=0"
)

# Members of answers whose values get a number as they appear: what the placeholders count.
_COUNTED = {
    "stateMachineArn": "state_machine_arn",
    "executionArn": "execution_arn",
    "activityArn": "activity_arn",
    "stateMachineVersionArn": "state_machine_version_arn",
    "stateMachineAliasArn": "alias_arn",
    "taskToken": "task_token",
    "nextToken": "next_token",
    "revisionId": "revision",
    "mapRunArn": "map_run_arn",
}
# These are counted where they are created; anywhere else they may be another execution's.
_CREATING = {
    "stateMachineArn": {"CreateStateMachine"},
    "executionArn": {"StartExecution", "StartSyncExecution"},
    "activityArn": {"CreateActivity"},
}


class Unplayable(Exception):
    """A call needs a value that no earlier answer gave."""


class Answer:
    """What the server said to one call."""

    def __init__(self, op, request, status, body):
        self.op, self.request, self.status, self.body = op, request, status, body

    def refused(self):
        return self.status >= 400

    def code(self):
        return str(self.body.get("__type", "")).rpartition("#")[2]

    def message(self):
        return self.body.get("message", self.body.get("Message", ""))


class Wire:
    """One connection to the server."""

    def __init__(self, endpoint):
        self.address = urllib.parse.urlparse(endpoint).netloc
        self.connection = None

    def call(self, op, request):
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AWSStepFunctions.{op}",
            "Authorization": _CREDENTIAL,
        }
        text = json.dumps(request).encode()
        for last in (False, True):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(self.address, timeout=CASE_SECONDS_MAX)
                self.connection.request("POST", "/", text, headers)
                response = self.connection.getresponse()
                body = response.read()
                return Answer(op, request, response.status, json.loads(body or b"{}"))
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # A connection that was idle may be closed; a call that got no answer on a new one fails.
                self.close()
                if last:
                    raise

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Replay:
    """One case against one server. `answers` holds one answer for each call that was made."""

    def __init__(self, case, endpoint, run="", seconds=CASE_SECONDS_MAX, logs=None):
        self.case = case
        self.logs = logs  # The folder of the server's execution logs.
        self.wire = Wire(endpoint)
        self.answers = []
        self.unplayable = None
        self.deadline = time.monotonic() + seconds
        self.tag = hashlib.sha1(f"{run}{case.path}".encode()).hexdigest()[:8]
        self.functions = behaviours.names(case)
        self.values = {"account": ACCOUNT}
        self.counted = {kind: [] for kind in _COUNTED.values()}

    def run(self):
        try:
            for index, (op, request) in enumerate(self.case.calls):
                request = self._filled(request)
                self._wait(index, op, request)
                answer = self.wire.call(op, request)
                self.answers.append(answer)
                if not answer.refused():
                    self._count(op, answer.body)
        except Unplayable as trouble:
            self.unplayable = str(trouble)
        finally:
            self.wire.close()
        return self

    def executions(self):
        """The ARNs of the executions that were started, in their order."""
        starts = [answer for answer in self.answers if answer.op in _CREATING["executionArn"]]
        return [answer.body["executionArn"] for answer in starts if not answer.refused()]

    def all_records(self, count):
        """The log records of all executions, once there are so many."""
        self._until(lambda: len(records.of(self.logs, self.executions())) >= count)
        return records.of(self.logs, self.executions())

    def end_record(self, index):
        """The log record of the end of the execution at `index`; `None` if none was started or none comes."""
        started = self.executions()
        if index >= len(started):
            return None
        self._until(lambda: records.end_of(self.logs, started[index]))
        return records.end_of(self.logs, started[index])

    # Placeholders.

    def _filled(self, value):
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, str):
            return re.sub(r"\{\{([a-z_]+)(\d*)((?:\.arn)?)\}\}", self._value, value)
        return value

    def _value(self, match):
        kind, number, member = match[1], match[2], match[3]
        name = kind + number
        if name in self.values:
            return self.values[name]
        if kind == "lambda":
            function = self.functions.get(name)
            if function is None:
                raise Unplayable(f"the case creates no function {name}")
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}" if member else function
        if kind in self.counted:
            known = self.counted[kind]
            if int(number) > len(known):
                raise Unplayable(f"no answer so far gave {name}")
            return known[int(number) - 1]
        made = {
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/role-{self.tag}-{number}",
            "queue_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue-{self.tag}-{number}",
        }.get(kind)
        if made is None:
            if not kind.endswith("_name"):
                raise Unplayable(f"nothing says what {name} is")
            made = self._name(kind, int(number))
        self.values[name] = made
        return made

    def _name(self, kind, number):
        # As long as the names of the recordings: an answer that holds one has its `Content-Length`.
        word = {"state_machine_name": "statemachine_create_and_record_execution"}.get(kind, kind.removesuffix("_name"))
        return f"{word}_{self.tag[:6]}{number:02}"

    def _count(self, op, body):
        """Gives numbers to what an answer names for the first time."""
        waiting = [body]
        while waiting:
            item = waiting.pop(0)
            if isinstance(item, list):
                waiting = item + waiting
            elif isinstance(item, dict):
                for key, value in item.items():
                    if isinstance(value, (dict, list)):
                        waiting.append(value)
                    elif key in _COUNTED and op in _CREATING.get(key, {op}):
                        known = self.counted[_COUNTED[key]]
                        if value not in known:
                            known.append(value)

    # Polls.

    def _wait(self, index, op, request):
        """Waits until what the call reads is what the recorder waited for."""
        execution = request.get("executionArn", "")
        if op in ("DescribeExecution", "GetExecutionHistory", "ListMapRuns"):
            open_history = self._open_history(index, execution)
            if open_history is not None:
                self._until(lambda: self._length(execution) >= open_history)
            else:
                self._until(lambda: self._ended(execution))
        elif op == "ListExecutions" and self._lists_executions():
            for answer in self.answers:
                started = answer.body.get("executionArn")
                if answer.op == "StartExecution" and started:
                    self._until(lambda started=started: self._ended(started))

    def _open_history(self, index, execution):
        """How many events the execution has when the call is made, if it has not ended by then."""
        histories = [
            [event.get("type", "") for event in value["events"]]
            for value in self.case.expect.values()
            if isinstance(value, dict) and value.get("events")
        ]
        if not histories:
            return None
        stops = [i for i, (op, request) in enumerate(self.case.calls) if op == "StopExecution"]
        for types in histories:
            # Somebody stops it: before that, it has all but the last event.
            if types[-1] == "ExecutionAborted" and any(
                i > index and self._filled(self.case.calls[i][1]).get("executionArn") == execution for i in stops[:1]
            ):
                return len(types) - 1
        # It was looked at before its end, and nothing else was expected of it.
        if not any(types[-1].startswith("Execution") for types in histories):
            return min(map(len, histories))
        return None

    def _lists_executions(self):
        return any(isinstance(value, dict) and "executions" in value for value in self.case.expect.values())

    def _ended(self, execution):
        answer = self.wire.call("DescribeExecution", {"executionArn": execution})
        return answer.refused() or answer.body.get("status") not in ("RUNNING", "PENDING_REDRIVE")

    def _length(self, execution):
        answer = self.wire.call("GetExecutionHistory", {"executionArn": execution})
        return float("inf") if answer.refused() else len(answer.body.get("events", []))

    def _until(self, probe):
        pause = 0.005
        while not probe() and time.monotonic() < self.deadline:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.25)
