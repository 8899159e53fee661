"""AWS's model of the service, as `tools/api_model.py` wrote it down: operations, members, constraints."""

import dataclasses
import pathlib

TABLE = pathlib.Path(__file__).resolve().parents[1] / "crates" / "api" / "tests" / "model.txt"


@dataclasses.dataclass
class Member:
    """A member of a request or an answer, with what is inside of it by name (`[]` for a list's)."""

    path: str
    type: str = "structure"
    required: bool = False
    least: int | None = None
    most: int | None = None
    secret: bool = False
    enum: list = dataclasses.field(default_factory=list)
    pattern: str | None = None
    inner: dict = dataclasses.field(default_factory=dict)

    def all(self):
        """All members inside, the nearest first."""
        for member in self.inner.values():
            yield member
            yield from member.all()


@dataclasses.dataclass
class Operation:
    name: str
    errors: list
    takes: Member
    gives: Member


def _steps(path):
    return path.replace("[]", ".[]").replace("{}", ".{}").split(".")


def _member(root, words):
    path, kind, *rest = words
    required, path = path.endswith("!"), path.rstrip("!")
    member = Member(path, kind, required)
    if rest and ".." in rest[0]:
        least, _, most = rest.pop(0).partition("..")
        member.least, member.most = (int(end) if end else None for end in (least, most))
    if rest[:1] == ["secret"]:
        member.secret = bool(rest.pop(0))
    if rest[:1] == ["enum"]:
        member.enum = rest[1:]
    elif rest[:1] == ["pattern"]:
        member.pattern = " ".join(rest[1:])
    at = root
    *before, last = _steps(path)
    for step in before:
        # The structures of a list have no line of their own.
        at = at.inner.setdefault(step, Member(at.path + step))
    at.inner[last] = member


def read():
    """The operations by name."""
    operations, current = {}, None
    for line in TABLE.read_text().splitlines()[1:]:
        first, *words = line.split()
        if first == "operation":
            current = operations[words[0]] = Operation(words[0], [], Member(""), Member(""))
        elif first == "error":
            current.errors.append(words[0])
        else:
            _member(current.takes if first == "in" else current.gives, words)
    return operations
