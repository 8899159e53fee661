"""Requests that are wrong, made from AWS's model, each with the answer that the model foretells.

What is foretold, in the order in which AWS looks:

1. No operation of this name: `UnknownOperationException`, whatever the body is.
2. The body is no JSON object, or a member has another JSON type: `SerializationException`.
3. Members that break constraints: one `ValidationException` that counts and names them all.
4. What is no ARN where one is wanted: `InvalidArn`.

Before all that, HTTP: a body over the limit is 413, a content type that a foreign page may send is 403.
"""

import dataclasses
import json
import random
import re
import string

CONTENT_TYPE = "application/x-amz-json-1.0"
TARGET = "AWSStepFunctions."

# A member whose model says more than the service does.
LOOSER = {
    # Recorded: an empty definition is found wrong, and not refused.
    ("ValidateStateMachineDefinition", "definition"): {"least": 0},
    ("TestState", "definition"): {"least": 0},
}
# What AWS says to a tag without a key is not known: the model has it optional.
ALWAYS = {"key"}
# As Python writes them.
PATTERNS = {r"\p{ASCII}*": r"[\x00-\x7f]*"}

WRONG_TYPES = {
    "string": [1, -2.5, True, False, ["x"], {"x": 1}],
    "integer": ["1", "x", 1.5, True, [1], {"x": 1}, 1e30],
    "long": ["1", "x", 1.5, True, [1], {"x": 1}],
    "float": ["1", True, [1], {"x": 1}],
    "boolean": ["true", "x", 1, 0, [True], {"x": 1}],
    "structure": ["x", 1, True, [1], []],
    "list": ["x", 1, True, {"x": 1}, {}],
    "map": ["x", 1, True, [1], []],
}


@dataclasses.dataclass
class Request:
    """What to send, and what must come back."""

    body: bytes
    target: str
    kind: str
    expected: str
    status: int = 400
    # The paths of all members that break a constraint, if the answer names them.
    paths: list | None = None
    content_type: str | None = CONTENT_TYPE


@dataclasses.dataclass
class Broken:
    """A value on its way to being wrong."""

    wrong_types: int = 0
    paths: list = dataclasses.field(default_factory=list)


class Generator:
    """Makes requests for these operations of the model; the same ones for the same seed."""

    def __init__(self, operations, seed):
        self.random = random.Random(seed)
        self.operations = [operation for operation in operations if operation.takes.inner]
        self.all_members = {operation.name: list(operation.takes.all()) for operation in self.operations}
        self.constrained = [operation for operation in self.operations if self._breakable(operation)]

    def _breakable(self, operation):
        return [
            member for member in self.all_members[operation.name]
            if member.required or self._violations(operation, member)
        ]

    # -- values that satisfy the model

    def valid(self, operation, member):
        if member.type == "structure":
            return {
                name: self.valid(operation, inner) for name, inner in member.inner.items()
                if inner.required or name in ALWAYS or self.random.random() < 0.3
            }
        if member.type == "list":
            least = member.least or 0
            most = min(least + 2, 3 if member.most is None else member.most)
            inner = member.inner["[]"]
            return [self.valid(operation, inner) for _ in range(self.random.randint(least, most))]
        if member.type == "map":
            return {}
        if member.type == "boolean":
            return self.random.random() < 0.5
        if member.type in ("integer", "long", "float"):
            least = member.least or 0
            return self.random.randint(least, least + 9 if member.most is None else member.most)
        if member.enum:
            return self.random.choice(member.enum)
        return self._text(max(member.least or 0, 1), min(member.most or 20, 20))

    def _text(self, least, most):
        return "".join(self.random.choices(string.ascii_letters, k=self.random.randint(least, most)))

    # -- values that do not

    def _violations(self, operation, member):
        """The ways to break the constraints of a member that is there."""
        looser = LOOSER.get((operation.name, member.path), {})
        least, most = looser.get("least", member.least), looser.get("most", member.most)
        ways = []
        if member.type == "string":
            if member.enum:
                ways += ["enum", "case"]
            if least:
                ways.append("short")
            if most is not None:
                ways.append("long")
                # What is counted in bytes is not a matter of characters.
                if most < 100_000:
                    ways.append("wide")
            if member.pattern:
                ways.append("pattern")
        elif member.type in ("integer", "long", "float"):
            ways += ["below"] if least is not None else []
            ways += ["above"] if most is not None else []
        elif member.type == "list":
            ways += ["empty"] if least else []
            ways += ["crowded"] if most is not None else []
        return ways

    def _mismatches(self, member, value):
        """Whether a text does not match the pattern of its member, if that has one."""
        return bool(member.pattern) and not re.fullmatch(PATTERNS.get(member.pattern, member.pattern), value)

    def _break(self, operation, member, way):
        most, least = member.most, member.least
        if way == "enum":
            return self._text(1, 12) + "?"
        if way == "case":
            return self.random.choice(member.enum).lower()
        if way == "short":
            return ""
        if way == "long":
            return "x" * (most + self.random.choice([1, 1, 2, 50]))
        if way == "wide":
            # One character more than fits, of two UTF-16 units each.
            return "\U0001f600" * (most // 2 + 1)
        if way == "pattern":
            return "é" * self.random.randint(1, 5)
        if way == "below":
            return least - self.random.choice([1, 2, 1000])
        if way == "above":
            return most + self.random.choice([1, 2, 1000, 2**31 - 1 - most])
        if way == "empty":
            return []
        assert way == "crowded", way
        return [self.valid(operation, member.inner["[]"]) for _ in range(most + 1)]

    def _broken(self, operation, member, at, chances, broken):
        """A value for a member, perhaps wrong; what is wrong is noted, under `at` as answers name it."""
        draw = self.random.random()
        if draw < chances["type"]:
            broken.wrong_types += 1
            return self.random.choice(WRONG_TYPES[member.type])
        ways = self._violations(operation, member)
        if ways and draw < chances["type"] + chances["value"]:
            way = self.random.choice(ways)
            # A megabyte is sent now and then only.
            if not (way == "long" and member.most > 100_000 and self.random.random() > 0.02):
                value = self._break(operation, member, way)
                # Too long, say, and against the pattern: each counts.
                found = [way != "pattern", member.type == "string" and self._mismatches(member, value)]
                broken.paths += [at] * sum(found)
                return value
        if member.type == "structure":
            return self._structure(operation, member, at + "." if at else "", chances, broken)
        if member.type == "list":
            inner = member.inner["[]"]
            least, most = member.least or 0, member.most if member.most is not None else 4
            return [
                self._broken(operation, inner, f"{at}.{number}.member", chances, broken)
                for number in range(1, self.random.randint(least, most) + 1)
            ]
        return self.valid(operation, member)

    def _structure(self, operation, member, prefix, chances, broken):
        value = {}
        for name, inner in member.inner.items():
            draw = self.random.random()
            if inner.required and draw < chances["value"]:
                broken.paths.append(prefix + name)
                if draw < chances["value"] / 2:
                    value[name] = None
            elif inner.required or name in ALWAYS or draw < 0.5:
                value[name] = self._broken(operation, inner, prefix + name, chances, broken)
            elif draw < 0.55:
                value[name] = None
        if self.random.random() < 0.1:
            value[self._text(21, 30)] = self.random.choice([None, 1, "x", [1], {"x": {}}])
        return value

    def violations(self):
        """A request that breaks constraints, one or several."""
        while True:
            operation = self.random.choice(self.constrained)
            many = self.random.choice([0.1, 0.3, 0.8])
            broken = Broken()
            body = self._structure(operation, operation.takes, "", {"type": 0, "value": many}, broken)
            if broken.paths:
                return self._request(operation, "violations", body, "ValidationException", broken.paths)

    def wrong_types(self):
        """A request with members of another JSON type, perhaps beside broken constraints."""
        while True:
            operation = self.random.choice(self.operations)
            broken = Broken()
            chances = {"type": self.random.choice([0.1, 0.3]), "value": self.random.choice([0, 0.3])}
            body = self._structure(operation, operation.takes, "", chances, broken)
            if broken.wrong_types:
                return self._request(operation, "wrong types", body, "SerializationException")

    def _request(self, operation, kind, body, expected, paths=None):
        text = json.dumps(body, ensure_ascii=self.random.random() < 0.5)
        return Request(text.encode(), TARGET + operation.name, kind, expected, paths=paths)

    def no_arn(self):
        """A request that satisfies the model, with something else where the one ARN should be."""
        arns = {}
        for operation in self.operations:
            required = [name for name, member in operation.takes.inner.items() if member.required]
            named = [name for name in required if name.endswith("Arn")]
            if len(named) == 1 and "InvalidArn" in operation.errors and not {"definition", "name"} & set(required):
                arns[operation.name] = (operation, named[0])
        operation, name = arns[self.random.choice(sorted(arns))]
        body = {
            other: self.valid(operation, member) for other, member in operation.takes.inner.items() if member.required
        }
        body[name] = self.random.choice([self._text(1, 30), "arn:" + self._text(1, 9), "arn", ":::::::", "arn:::::::"])
        return self._request(operation, "no ARN", body, "InvalidArn")

    # -- what is no request of the model at all

    def _any_body(self):
        """JSON of a request that might be good."""
        operation = self.random.choice(self.operations)
        return operation, json.dumps(self.valid(operation, operation.takes))

    def no_json(self):
        operation, text = self._any_body()
        choice = self.random.randrange(12)
        if choice == 0:
            body = text[:self.random.randrange(1, len(text))].encode()
        elif choice == 1:
            body = b'{"name": %s}' % self.random.choice([b"NaN", b"Infinity", b"-Infinity", b"nan", b"undefined"])
        elif choice == 2:
            body = self.random.choice([b"[]", b"null", b"17", b'"x"', b"true", b"[{}]", b"-1.5e3"])
        elif choice == 3:
            body = text.encode() + self.random.choice([b"{}", b"x", b",", b"]", b"\x00", b"//"])
        elif choice == 4:
            body = self.random.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"]).join([b'{"name":"', b'"}'])
        elif choice == 5:
            body = b'{"name":"%s"}' % self.random.choice([b"\n", b"\t", b"\x00", b"\x1f", b"\\x41", b"\\u12", b"\\ud8"])
        elif choice == 6:
            body = b'{"maxResults":%s}' % self.random.choice([b"01", b"+1", b".5", b"1.", b"1e", b"0x10", b"--1", b"1_0"])
        elif choice == 7:
            body = self.random.choice([b"{'name':'x'}", b"{name:1}", b'{"a":1,}', b'{"a" 1}', b"{,}", b"/* */{}", b"{]"])
        elif choice == 8:
            body = b"\xef\xbb\xbf" + text.encode()
        elif choice == 9:
            body = self.random.randbytes(self.random.randint(1, 200)).lstrip(b" \t\r\n{") or b"\x01"
        elif choice == 10:
            body = b" " * self.random.randint(1, 50)
        else:
            body = ("(" + text).encode("utf-16")
        return Request(body, TARGET + operation.name, "no JSON", "SerializationException")

    def lone_surrogate(self):
        """A string that no UTF-8 can hold."""
        text = b"\\u%04x" % self.random.randint(0xD800, 0xDFFF)
        operation = self.random.choice(self.operations)
        body = b'{"' + self._text(1, 9).encode() + b'":"' + text + b'"}'
        return Request(body, TARGET + operation.name, "lone surrogate", "SerializationException")

    def deep(self):
        """A hundred thousand arrays or objects in each other, closed or not."""
        depth = 100_000
        operation = self.random.choice(self.operations)
        body = self.random.choice([
            b"[" * depth,
            b'{"a":' * depth,
            b'{"name":' + b"[" * depth + b"]" * depth + b"}",
            b'{"a":' * depth + b"1" + b"}" * depth,
        ])
        return Request(body, TARGET + operation.name, "deep", "SerializationException")

    def many_keys(self):
        """A hundred thousand members that nobody knows, and one required that is not there."""
        operation = self.random.choice([operation for operation in self.constrained if self._required(operation)])
        body = b"{" + b",".join(b'"%x":1' % number for number in range(100_000)) + b"}"
        paths = self._required(operation)
        return Request(body, TARGET + operation.name, "many keys", "ValidationException", paths=paths)

    def _required(self, operation):
        return [name for name, member in operation.takes.inner.items() if member.required]

    def twice(self):
        """A member twice: the same value, which is wrong."""
        operation = self.random.choice([operation for operation in self.operations if self._required(operation)])
        name = self.random.choice(self._required(operation))
        wrong = json.dumps(self.random.choice(WRONG_TYPES[operation.takes.inner[name].type]))
        body = f'{{"{name}":{wrong},"{name}":{wrong}}}'.encode()
        return Request(body, TARGET + operation.name, "twice", "SerializationException")

    def oversize(self):
        """A million keys, or one long string."""
        if self.random.random() < 0.1:
            body = b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}"
        else:
            body = b'{"definition":"' + b"x" * (1_200_000 + self.random.randrange(100_000)) + b'"}'
        operation = self.random.choice(self.operations)
        return Request(
            body, TARGET + operation.name, "oversize", "RequestEntityTooLargeException", 413
        )

    def no_operation(self):
        operation, text = self._any_body()
        name = operation.name
        target = self.random.choice([
            "DynamoDB_20120810." + name, "AWSStepFunctions", "AWSStepFunctions.", "awsstepfunctions." + name, name, "",
            TARGET + name.lower(), TARGET + name + "s", TARGET + name[1:], TARGET + "_", TARGET + name + "." + name,
            TARGET + " " + name, TARGET + self._text(1, 300), "." + name,
        ])
        body = self.random.choice([text.encode(), b"{", b"", b"[]"])
        return Request(body, target, "no operation", "UnknownOperationException")

    def wrong_content_type(self):
        operation, text = self._any_body()
        content_type = self.random.choice([
            "text/plain", "multipart/form-data; boundary=x", None, "json",
            "application/jsonx", "application/x-amz-json-1.2", "application/xml", "x" * 1000,
        ])
        return Request(
            text.encode(), TARGET + operation.name, "wrong content type", "AccessDeniedException", 403,
            content_type=content_type,
        )

    def requests(self, count):
        """So many requests: mostly what is nearly right, and of all else its share."""
        kinds = [
            (self.violations, 500), (self.wrong_types, 250), (self.no_arn, 50), (self.no_json, 100),
            (self.lone_surrogate, 20), (self.twice, 30), (self.no_operation, 30), (self.wrong_content_type, 20),
        ]
        makers, weights = zip(*kinds, strict=True)
        # What is large comes a few times, and early, so that what it leaves behind would be seen.
        for at in range(count):
            if at % 20 == 3 and at < 1_200:
                yield self.random.choice([self.deep, self.many_keys, self.oversize])()
            else:
                yield self.random.choices(makers, weights)[0]()
