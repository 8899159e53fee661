"""The AWS SDK for Rust: `rust/` calls every operation, and each of its checks is a test here."""

import os
import pathlib

import pytest
from test_sdk_js import judge, lines_of

FOLDER = pathlib.Path(__file__).parent / "rust"
CHECKS = [
    "state machines", "executions", "activities", "validation and tests of states", "Express", "tags",
    "versions and aliases", "redrive", "Map Runs",
]


def program():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    return FOLDER / target / "debug" / "stepwell-conformance"


@pytest.fixture(scope="module")
def results(server):
    if not program().exists():
        pytest.fail("the client is not built. hint: cargo build in conformance/rust, as `cargo xtask test` does")
    return lines_of([str(program()), server.endpoint])


@pytest.mark.parametrize("name", CHECKS)
def test_the_sdk_for_rust(results, name):
    judge(results, name)


def test_the_client_has_no_other_checks(results):
    assert set(results) == set(CHECKS)
