"""Compares an answer with what AWS gave, after the normalisation that the cases' README describes.

The recorder replaced in AWS's answers what differs from run to run by names in angle brackets or by
words, and parsed strings that hold an object. Here the same is done in one pass: an expectation is a
pattern, a placeholder in it takes one value for the whole case (`Bindings`), and everything else has
to be equal: keys, types, numbers (`1` is not `1.0`), order, ids.
"""

import copy
import json
import re

REGION, PARTITION = "us-east-1", "aws"

# Whole values that stand for a moment. On the wire a moment is a number; inside payloads it is text.
TIME_WORDS = {
    "datetime", "timestamp", "date", "start-date", "stop-date", "creation-date", "start-time", "entered-time",
    "<timestamp>", "<date>", "<datetime>", "<start-date>", "<stop-date>", "<start-time>", "<entered-time>",
}
# Whole values that stand for a number that is another one each time.
NUMBER_WORDS = {"RandomNumberGenerated"}
# What the recorder took for a time inside a string: a real date, a time of the day and an offset.
ISO_TIME = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
    r"(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
# Members whose moment is on the wire, as a number.
_WIRE_TIMES = {"timestamp", "creationDate", "startDate", "stopDate", "updateDate", "redriveDate"}

# Words without brackets that stand for a value of the run, "the same one everywhere". They are matched
# as whole words, also inside an ARN. A word that is not listed is text.
WORDS = [
    "snf_role_arn_t0", "snf_role_arn_t1", "snf_role_arn_t2", "snf_role_arn", "sfn_role_arn",
    "lambda_function_1_name", "lambda_function_2_name", "lambda_function_name",
    "state_machine_alias_base_name", "state_machine_alias_name", "state_machine_name", "state-machine-arn",
    "activity_arn", "activity_name", "sqs_queue_url", "map_run_arn", "bucket-name", "bucket_name", "file-key",
    "file_key", "log_group_name", "sm_nonexistent_arn", "ssm_nonexistent_arn", "invalid_execution_arn",
]  # fmt: skip
_PLACEHOLDER = re.compile(
    r"<[A-Za-z][A-Za-z0-9_.:-]*>|(?<![A-Za-z0-9_-])(?:" + "|".join(map(re.escape, WORDS)) + r")(?![A-Za-z0-9_])"
)
# Placeholders with a number: two numbers are two values.
_NUMBERED = re.compile(r"<(.+?):(\d+)>|<(\w+?)_(\d+)idx>")

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What a placeholder may stand for; the first that fits decides. Anything else: one or more characters.
_SHAPES = [
    (r"<uuid:\d+>|<request_id>", _UUID),
    (r"<request-id>", '"?' + _UUID),  # One recording lost a quotation mark with it.
    (r"<ArnPart_\d+idx>|<ExecArnPart_\d+idx>|<execution-name>|<(Express|Sync)ExecArn_.*", r"[A-Za-z0-9_.-]+"),
    (r"<MapRunArnPart\d_\d+idx>", r"[A-Za-z0-9_.-]+"),
    (r"<lambda_function_(\d_)?name>|lambda_function_.*|<lambda-function-name>", r"[A-Za-z0-9_-]+"),
    (r"s(nf|fn)_role_arn.*", r"arn:aws:iam::\d{12}:role/.+"),
    (r"activity_arn", r"arn:aws:states:[^:]+:\d{12}:activity:.+"),
    (r"activity_name|state_machine_(alias_)?(base_)?name", r"[A-Za-z0-9_.-]+?"),
    (r".*nonexistent_arn|invalid_execution_arn", r"arn:aws:states:.+"),
    (r"<json-input:\d+>", r"(?s:.*)"),
]

# Objects whose members are headers, and members that hold what every answer has anew.
_HEADER_OBJECTS = {"AllHttpHeaders", "HttpHeaders"}
_HEADER_NAMES = re.compile(r"(?i)x-amzn?-[a-z-]*(id|cf-pop)|date|requestid")


_PAYLOADS = {"input", "output"}

# Members that measure, with the steps in which they do.
_BILLED_STEPS = {"billedDurationInMilliseconds": 100}

# Members that AWS gives since a day, each with the day. What was recorded before it does not have them,
# so there they are left out of our answers as well ("older dates can predate changes of AWS").
GIVEN_SINCE = {
    "RedriveCount": "2023-11-15",
    "redriveCount": "2023-11-15",
    "redriveStatus": "2023-11-15",
    "redriveStatusReason": "2023-11-15",
    "encryptionConfiguration": "2024-07-25",
    "variableReferences": "2024-11-20",
}


class Bindings:
    """What each placeholder of a case stands for in this run."""

    def __init__(self, allowed=None):
        self.values = {}
        # For some placeholders the values that are possible at all: family to set of strings.
        self.allowed = allowed or {}

    def copy(self):
        copy = Bindings(self.allowed)
        copy.values = dict(self.values)
        return copy

    def admits(self, name, value):
        """Whether the placeholder may stand for this value, together with all others."""
        if name in self.values:
            return self.values[name] == value
        if name == value:
            return True  # A word that the case itself sent.
        family = _family(name)
        if family in self.allowed and value not in self.allowed[family]:
            return False
        # `<uuid:1>` and `<uuid:2>` were two values; `<ArnPart_0idx>` and `<ArnPart_1idx>` two machines.
        return not (_NUMBERED.fullmatch(name) and any(
            _family(other) == family and taken == value for other, taken in self.values.items()
        ))


def _family(name):
    match = _NUMBERED.fullmatch(name)
    if match:
        return match[1] or match[3]
    if re.fullmatch(r"s(nf|fn)_role_arn.*", name):
        return "role"
    return "lambda" if re.fullmatch(r"<?lambda[_-]function.*", name) else name


def objects_parsed(value):
    """Strings that begin with `{` and are JSON become objects; what is inside of those stays as it is."""
    if isinstance(value, dict):
        return {key: objects_parsed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [objects_parsed(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def as_of(day, expected, actual):
    """An answer without what AWS gave only after the day (`YYYY-MM-DD`) on which it was recorded.

    Only a member that is missing in the recording at this very place is left out.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        kept = {key: item for key, item in actual.items() if key in expected or day >= GIVEN_SINCE.get(key, "")}
        return {key: as_of(day, expected[key], item) if key in expected else item for key, item in kept.items()}
    if isinstance(expected, list) and isinstance(actual, list):
        return [as_of(day, *both) for both in zip(expected, actual)] + actual[len(expected) :]
    return actual


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def differences(expected, actual, bindings, at="", key=None, headers=False):
    """`[(where, expected, actual)]`; placeholders that were met are bound in `bindings`."""
    # Payloads are strings on the wire. Some recordings parsed those that hold no object as well.
    if isinstance(actual, str) and key in _PAYLOADS and not isinstance(expected, (str, dict)):
        actual = _parsed(actual)
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = []
        if "ExecutionArn" in expected and "SdkHttpMetadata" in expected:
            expected = _without_length_of_names(expected, actual)
        if "events" in expected and _has_sorted_events(expected["events"]) and isinstance(actual.get("events"), list):
            actual = {**actual, "events": sorted_as_recorded(actual["events"])}
        for name in sorted(expected.keys() | actual.keys()):
            where = f"{at}.{name}" if at else name
            if name not in actual:
                found.append((where, expected[name], ABSENT))
            elif name not in expected:
                found.append((where, ABSENT, actual[name]))
            else:
                inside = headers or key in _HEADER_OBJECTS or name == "RequestId"
                found += differences(expected[name], actual[name], bindings, where, name, inside)
        return found
    if isinstance(expected, list) and isinstance(actual, list):
        found = []
        for index in range(max(len(expected), len(actual))):
            where = f"{at}[{index}]"
            if index >= len(actual):
                found.append((where, expected[index], ABSENT))
            elif index >= len(expected):
                found.append((where, ABSENT, actual[index]))
            else:
                found += differences(expected[index], actual[index], bindings, where, key, headers)
        return found
    if isinstance(expected, str):
        return [] if _fits(expected, actual, bindings, key, headers) else [(at, expected, actual)]
    if type(expected) is type(actual) and expected == actual:
        return []
    # How long an execution took is AWS's affair; it is billed in steps.
    if key in _BILLED_STEPS and isinstance(actual, int) and actual > 0 and actual % _BILLED_STEPS[key] == 0:
        return []
    return [(at, expected, actual)]


def _without_length_of_names(expected, actual):
    """An answer that names an execution is as long as the names that the run chose."""
    expected = copy.deepcopy(expected)
    for name in _HEADER_OBJECTS:
        ours = actual.get("SdkHttpMetadata", {}).get(name, {})
        length = ours.get("Content-Length") if isinstance(ours, dict) else None
        digits = length[0] if isinstance(length, list) and len(length) == 1 else length
        if isinstance(digits, str) and digits.isdigit():
            expected["SdkHttpMetadata"].get(name, {})["Content-Length"] = length
    return expected


class _Absent:
    def __repr__(self):
        return "(absent)"


ABSENT = _Absent()


def _fits(expected, actual, bindings, key, headers):
    """Whether a value is what a string of an expectation stands for."""
    if expected in TIME_WORDS:
        return _is_time(expected, actual, key)
    if expected in NUMBER_WORDS:
        return isinstance(actual, (int, float)) and not isinstance(actual, bool)
    # A header's own name in place of its value: any.
    if headers and key and expected.strip("<>").lower() == key.lower() and _HEADER_NAMES.fullmatch(key):
        return isinstance(actual, str) and actual != "" or isinstance(actual, list) and len(actual) == 1
    if not isinstance(actual, str):
        return False
    return any(_binds(expected, text, bindings) for text in dict.fromkeys([actual, ISO_TIME.sub("date", actual)]))


def _is_time(word, actual, key):
    number = isinstance(actual, (int, float)) and not isinstance(actual, bool) and actual > 0
    if key in _WIRE_TIMES:
        return number
    if word.strip("<>") == "date":
        # A header of an answer is a list of one in `AllHttpHeaders`.
        text = actual[0] if isinstance(actual, list) and len(actual) == 1 else actual
        # It may also be the word itself, in somebody's data.
        return text == word or isinstance(text, str) and bool(ISO_TIME.fullmatch(text) or _HTTP_DATE.fullmatch(text))
    # The recorder replaced these by the name of the member, so what is no valid time is one as well.
    return number or isinstance(actual, str)


def _binds(expected, actual, bindings):
    """Whether the text is the pattern; if so its placeholders are bound."""
    expected = expected.replace("<region>", REGION).replace("<partition>", PARTITION)
    names = []

    def group(match):
        name = match[0]
        if name in names:
            return f"(?P=p{names.index(name)})"
        names.append(name)
        return f"(?P<p{len(names) - 1}>{_shape(name, bindings)})"

    pieces, end = [], 0
    for match in _PLACEHOLDER.finditer(expected):
        pieces += [re.escape(expected[end : match.start()]), group(match)]
        end = match.end()
    if not names:
        return expected == actual
    match = re.fullmatch("".join(pieces) + re.escape(expected[end:]), actual)
    if not match:
        return False
    taken = bindings.copy()
    for index, name in enumerate(names):
        value = match[f"p{index}"]
        if not taken.admits(name, value):
            return False
        # A request's id is another one in each answer.
        if not re.fullmatch(r"<request[_-]id>", name):
            taken.values[name] = value
    bindings.values = taken.values
    return True


def _shape(name, bindings):
    # Where the values are known, they alone: one may stand right before another placeholder.
    known = sorted(bindings.allowed.get(_family(name), ()), key=len, reverse=True)
    if known:
        return "|".join(map(re.escape, [*known, name]))
    return next((shape for family, shape in _SHAPES if re.fullmatch(family, name)), ".+?")


def _has_sorted_events(events):
    return isinstance(events, list) and any(isinstance(event, dict) and event.get("id") in (0, [0]) for event in events)


def sorted_as_recorded(events):
    """A history as the recorder kept it where branches run side by side.

    Between `ParallelStateStarted` and the event that ends the state, ids are 0 and the events are in
    the order of their text. The ending event is lost with that, and so is what lies between the ends
    of nested ones; a start after a retry begins anew and leaves what came before unsorted.
    """
    events = [dict(event) for event in events]
    start, inside, kept = None, [], False
    index = 0
    while index < len(events):
        event = events[index]
        kind = event.get("type", "")
        if kind == "ParallelStateStarted":
            start, inside, kept = index, [], True
        elif kind in ("ParallelStateSucceeded", "ParallelStateFailed", "ParallelStateAborted") and start is not None:
            events[start + 1 : index + 1] = sorted(inside, key=_as_text)
            kept = False
        elif kept:
            event.update(id=[0], previousEventId=0)
            inside.append(event)
        index += 1
    return events


def _as_text(event):
    return json.dumps({**event, "timestamp": "timestamp"}, sort_keys=True)
