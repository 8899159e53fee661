"""All recorded cases, and the golden file that says which do not pass yet."""

import cases
import fields
import pytest
import run


def test_every_recorded_case_passes_or_stands_in_the_golden_file():
    where = cases.folder()
    if where is None:
        pytest.skip("the recorded AWS cases: there is no shared/conformance beside the repository")
    everything = cases.load(where)
    golden = run.read_golden()
    results = run.run_all(everything, golden)
    print(run.table(results, golden))
    new, stale = run.judge(results, golden)
    assert not new, "\n".join(run.details(result) for result in new)
    assert not stale, "remove from golden.txt: " + ", ".join(result.case.path for result in stale)
    assert not golden.keys() - {case.path for case in everything}


def test_a_case_that_fails_has_to_be_in_the_golden_file_and_one_that_passes_must_not():
    class Named:
        def __init__(self, path):
            self.path = path

    failed, known, passed, fixed = (
        run.Result(Named(name), outcome)
        for name, outcome in [("a", run.DIFFERS), ("b", run.NOT_RUN), ("c", run.PASSED), ("d", run.PASSED)]
    )
    new, stale = run.judge([failed, known, passed, fixed], {"b": "", "d": ""})
    assert new == [failed]
    assert stale == [fixed]


def test_the_golden_file_is_sorted_and_each_line_names_its_issue():
    lines = [line for line in run.GOLDEN.read_text("utf-8").splitlines() if not line.startswith("#")]
    names = [line.split("\t")[0] for line in lines]
    assert names == sorted(set(names))
    for line in lines:
        fields = line.split("\t")
        assert len(fields) == 3, line
        assert fields[1].startswith(("issue ", "later: ")), line


def test_the_page_of_fields_is_what_would_be_written():
    if cases.folder() is None:
        pytest.skip("the recorded cases are not here")
    assert fields.main(["--check"]) == 0
