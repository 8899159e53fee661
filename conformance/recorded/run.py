#!/usr/bin/env python3
"""Replays the recorded AWS cases against the real binary and compares what it says with what AWS said.

The list of cases is whatever the case files are. `golden.txt` names the cases that do not pass yet,
each with the issue that removes it: a case that fails and is not in it, and a case that passes and
still is, are both errors, so the file can only become shorter.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import answers  # noqa: E402
import behaviours  # noqa: E402
import cases  # noqa: E402
import records  # noqa: E402
import replay  # noqa: E402
import server as servers  # noqa: E402

GOLDEN = HERE / "golden.txt"
# How long a case may take that is known to fail, in seconds: what it waits for may never come.
KNOWN_SECONDS_MAX = 15
# Waits and retries of different cases overlap; the server does little meanwhile.
THREADS = 32

PASSED, DIFFERS, NOT_RUN = "passed", "differs", "not run"


class Result:
    """What came of one case: `outcome`, and why in words or as differences."""

    def __init__(self, case, outcome, why="", unlike=(), seconds=0.0, executions=()):
        self.case, self.outcome, self.why, self.unlike, self.seconds = case, outcome, why, unlike, seconds
        self.executions = executions  # The ARNs of those that were started.


def run_case(case, endpoint, tag, known=False, logs=None):
    """One case against a running server; troubles of the runner itself are reported as such."""
    began = time.monotonic()
    missing = behaviours.unknown(case)
    if missing:
        return Result(case, NOT_RUN, f"unknown behaviour of a function: {missing[0]}")
    if cases.owner(case)[0] == cases.OUTSIDE:
        return Result(case, NOT_RUN, "none of the calls makes it")
    seconds_max = KNOWN_SECONDS_MAX if known else replay.CASE_SECONDS_MAX
    player = replay.Replay(case, endpoint, tag, seconds_max, logs).run()
    seconds = time.monotonic() - began
    unlike, unsaid = answers.check(case, player)
    if unlike:
        return Result(case, DIFFERS, _summary(unlike, player), unlike, seconds)
    if unsaid:
        return Result(case, NOT_RUN, f"{unsaid[0]} is no answer of Step Functions", seconds=seconds)
    return Result(case, PASSED, seconds=seconds, executions=player.executions())


def check_record_counts(results, logs):
    """Turns cases that passed into failures whose executions logged more than was recorded.

    Only once the server has ended: then nothing more can come.
    """
    for result in results:
        expected = records.count_expected(result.case) if result.outcome == PASSED else None
        found = records.of(logs, result.executions) if expected is not None else []
        if expected is not None and len(found) != expected:
            result.outcome, result.why = DIFFERS, f"{len(found)} log records instead of {expected}"
            result.unlike = [("log records", [("", expected, found)])]


def _summary(unlike, player):
    """The first difference in one line."""
    refusals = [answer for answer in player.answers if answer.refused() and answer.op.startswith("Create")]
    if player.unplayable and refusals:
        refusal = refusals[0]
        return f"{refusal.op}: {refusal.code()}: {refusal.message()}"[:200]
    key, [(where, expected, actual), *_] = unlike[0]
    return f"{key}: {where}: {_short(expected)} became {_short(actual)}"


def _short(value, most=100):
    text = value if isinstance(value, str) else repr(value) if value is answers.ABSENT else json.dumps(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def run_all(wanted, known=(), threads=THREADS):
    """Runs cases side by side against a server of their own: `[Result]` in the order of the cases.

    `known` names those that are expected to fail.
    """
    with tempfile.TemporaryDirectory(prefix="stepwell-recorded-") as text:
        folder = pathlib.Path(text)
        # A copy: a build that ends meanwhile must not exchange the program under test.
        program = folder / "stepwell"
        shutil.copy2(servers.binary(), program)
        (folder / "functions").mkdir()
        functions = behaviours.write(folder / "functions")
        server = servers.Server(folder / "data", functions)
        server.command = _command(server.command, program)
        logs = server.data / "logs"
        server.start()
        try:
            # Long ones first: the run takes as long as the longest.
            order = sorted(wanted, key=lambda case: -len(case.calls))
            with concurrent.futures.ThreadPoolExecutor(threads) as pool:
                found = list(
                    pool.map(lambda case: run_case(case, server.endpoint, folder.name, case.path in known, logs), order)
                )
            if any(records.count_expected(case) is not None for case in wanted):
                server.terminate()
                check_record_counts(found, logs)
        finally:
            server.kill()
    return sorted(found, key=lambda result: result.case.path)


def _command(original, program):
    def command():
        return [str(program), *original()[1:]]

    return command


# The golden file.


def read_golden(path=GOLDEN):
    """`{case: line}`."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {line.split("\t")[0]: line for line in lines if line and not line.startswith("#")}


def write_golden(entries, path=GOLDEN):
    head = "# Recorded cases that do not pass yet: case, the issue that removes it, why. Lines are only removed.\n"
    path.write_text(head + "".join(f"{entries[name]}\n" for name in sorted(entries)), "utf-8")


def golden_line(result):
    issue, reason = cases.owner(result.case)
    number = f"issue {issue}" if issue.isdigit() else f"later: {issue}"
    note = f"; {result.why}" if result.outcome == NOT_RUN else ""
    return f"{result.case.path}\t{number}\t{reason}{note}"


def judge(results, golden):
    """`(failed and not in the golden file, in the golden file and passed)`."""
    new = [result for result in results if result.outcome != PASSED and result.case.path not in golden]
    stale = [result for result in results if result.outcome == PASSED and result.case.path in golden]
    return new, stale


# Output.


def table(results, golden):
    rows = collections.OrderedDict()
    columns = ["cases", "pass", "golden", "new", "stale"]
    for result in results:
        row = rows.setdefault(result.case.area, collections.Counter())
        known = result.case.path in golden
        row["cases"] += 1
        if result.outcome == PASSED:
            row["pass"] += 1
            row["stale"] += known
        else:
            row["golden" if known else "new"] += 1
    total = sum(rows.values(), collections.Counter())
    width = max(len(area) for area in [*rows, "area"])
    lines = [f"{'area':{width}}" + "".join(f"{name:>8}" for name in columns)]
    for area, row in [*rows.items(), ("all", total)]:
        lines.append(f"{area:{width}}" + "".join(f"{row[name]:>8}" for name in columns))
    return "\n".join(lines)


def details(result, most=12):
    lines = [f"=== {result.case.path}: {result.outcome}: {result.why}"]
    for key, unlike in result.unlike:
        for where, expected, actual in unlike[:most]:
            lines += [f"  {key}: {where}", f"    AWS: {_short(expected, 700)}", f"    now: {_short(actual, 700)}"]
        if len(unlike) > most:
            lines.append(f"  {key}: and {len(unlike) - most} more")
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="recorded", description=__doc__.splitlines()[0])
    parser.add_argument("--area", action="append", help="only this area; may be repeated")
    parser.add_argument("--case", action="append", help="only cases with this in their path; may be repeated")
    parser.add_argument("--issue", help="only cases that this issue owns, such as 3")
    parser.add_argument("--verbose", action="store_true", help="show every difference of what fails")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--update", action="store_true", help="remove lines of cases that pass from the golden file")
    parser.add_argument("--accept", action="store_true", help="write the golden file anew; only for its first version")
    options = parser.parse_args(arguments)

    where = cases.folder()
    if where is None:
        print("skipped: unknown number of recorded cases: there is no shared/conformance (STEPWELL_SHARED names shared)")
        return 0
    everything = cases.load(where)
    wanted = [
        case
        for case in everything
        if (not options.area or case.area in options.area)
        and (not options.case or any(text in case.path for text in options.case))
        and (not options.issue or cases.owner(case)[0] == options.issue)
    ]
    if not wanted:
        print("error: no case is named so")
        return 2
    began = time.monotonic()
    golden = read_golden()
    results = run_all(wanted, golden, options.threads)

    if options.accept:
        kept = {name: line for name, line in golden.items() if name not in {case.path for case in wanted}}
        kept.update({r.case.path: golden_line(r) for r in results if r.outcome != PASSED})
        write_golden(kept)
        golden = kept
    new, stale = judge(results, golden)
    gone = golden.keys() - {case.path for case in everything}
    if options.update and (stale or gone):
        dropped = {result.case.path for result in stale} | gone
        golden = {name: line for name, line in golden.items() if name not in dropped}
        write_golden(golden)
        new, stale, gone = *judge(results, golden), set()

    if options.json:
        print(json.dumps([_as_json(result, golden) for result in results], indent=1))
    else:
        if options.verbose:
            print("\n".join(details(result) for result in results if result.outcome != PASSED))
        print(table(results, golden))
        for result in new:
            print(f"error: {result.outcome}, and not in golden.txt: {result.case.path}: {result.why}")
        for result in stale:
            print(f"error: passes: remove this line from golden.txt (--update does): {result.case.path}")
        for name in sorted(gone):
            print(f"error: golden.txt names a case that does not exist: {name}")
        print(f"{len(results)} cases in {time.monotonic() - began:.0f} s")
    return 1 if new or stale or gone else 0


def _as_json(result, golden):
    issue, reason = cases.owner(result.case)
    return {
        "case": result.case.path,
        "outcome": result.outcome,
        "why": result.why,
        "golden": result.case.path in golden,
        "issue": issue,
        "reason": reason,
        "seconds": round(result.seconds, 2),
        "differences": [
            {"key": key, "where": where, "aws": repr(expected) if expected is answers.ABSENT else expected,
             "now": repr(actual) if actual is answers.ABSENT else actual}
            for key, unlike in result.unlike
            for where, expected, actual in unlike
        ],
    }  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
