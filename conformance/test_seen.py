"""After all other tests: what they have shown of AWS's model, beside the golden file of what they have not.

Runs only with all others; `conftest.py` sees to that, and to its being the last.
"""

import os

import seen


def test_what_no_test_has_shown_stands_in_the_golden_file():
    unseen, golden = seen.unseen(), seen.read_golden()
    stale = sorted(golden.keys() - unseen)
    if stale and os.environ.get("STEPWELL_UPDATE") == "1":
        seen.write_golden({what: reason for what, reason in golden.items() if what in unseen})
        stale = []
    new = sorted(unseen - golden.keys())
    assert not new, "no test shows these any more:\n" + "\n".join(map(" ".join, new))
    assert not stale, "take these out of unseen.txt (STEPWELL_UPDATE=1 does):\n" + "\n".join(map(" ".join, stale))


def test_every_line_of_the_golden_file_has_a_reason_and_is_of_the_model():
    golden = seen.read_golden()
    assert golden.keys() <= set(seen.modelled())
    assert all(reason for reason in golden.values())
