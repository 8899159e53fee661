"""The page of compatibility is what the model, the golden files and the recorded cases say now."""

import compatibility  # Knows where the recorded cases are read.
import cases
import pytest


def test_the_page_of_compatibility_is_what_would_be_written():
    if cases.folder() is None:
        pytest.skip("the recorded cases are not here")
    assert compatibility.main(["--check"]) == 0
