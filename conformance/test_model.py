"""The server beside AWS's model of the service: each operation is there, and reads each of its members."""

import json

import pytest
from malformed import CONTENT_TYPE, TARGET, WRONG_TYPES, Request
from model import read
from test_malformed import Wire

MODEL = read()


@pytest.fixture(scope="module")
def wire(server):
    wire = Wire(server.listen)
    yield wire
    wire.close()


def ask(wire, operation, body):
    request = Request(json.dumps(body).encode(), TARGET + operation, "", "", content_type=CONTENT_TYPE)
    status, answer = wire.ask(request)
    return status, json.loads(answer)


def alone(member, value):
    """A request with nothing but a value for one member, however deep it lies."""
    for step in reversed(member.path.replace("[]", ".[]").replace("{}", ".{}").split(".")):
        value = [value] if step == "[]" else {"any" if step == "{}" else step: value}
    return value


@pytest.mark.parametrize("name", MODEL)
def test_an_operation_of_the_model_is_there(wire, name):
    # What is no object is refused by every operation that is there, and does nothing.
    status, answer = ask(wire, name, [])
    assert (status, answer["__type"].rsplit("#", 1)[-1]) == (400, "SerializationException"), answer


MEMBERS = [(name, member) for name, operation in MODEL.items() for member in operation.takes.all()]


@pytest.mark.parametrize("name, member", [pytest.param(*row, id=f"{row[0]}-{row[1].path}") for row in MEMBERS])
def test_a_member_of_the_model_is_read(wire, name, member):
    # Whoever does not read a member cannot tell that it has another type.
    for value in WRONG_TYPES[member.type]:
        status, answer = ask(wire, name, alone(member, value))
        assert (status, answer["__type"].rsplit("#", 1)[-1]) == (400, "SerializationException"), (value, answer)
