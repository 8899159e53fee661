"""The AWS SDK for JavaScript: `js/client.mjs` calls every operation, and each of its checks is a test here."""

import pathlib
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parent / "js"
CHECKS = [
    "state machines", "executions", "activities", "validation and tests of states", "Express", "tags",
    "versions and aliases", "redrive", "Map Runs", "every operation is called",
]


def lines_of(command, **options):
    """What a client printed: for each check `ok`, or why it failed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, **options)
    results = {}
    for line in done.stdout.splitlines():
        outcome, _, rest = line.partition(" ")
        name, _, why = rest.partition(": ")
        results[name] = (outcome, why)
    assert results, done.stderr
    assert (done.returncode == 0) == all(outcome == "ok" for outcome, _ in results.values()), done.stderr
    return results


def judge(results, name):
    outcome, why = results.get(name, ("failed", "the client did not come to it"))
    assert outcome == "ok", why


@pytest.fixture(scope="module")
def results(server):
    if not (FOLDER / "node_modules").is_dir():
        pytest.fail("the SDK is not installed. hint: npm ci in conformance/js, as `cargo xtask test` does")
    return lines_of(["node", "client.mjs", server.endpoint], cwd=FOLDER)


@pytest.mark.parametrize("name", CHECKS)
def test_the_sdk_for_javascript(results, name):
    judge(results, name)


def test_the_client_has_no_other_checks(results):
    assert set(results) == set(CHECKS)
