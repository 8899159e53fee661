"""The page `docs/compatibility.md`: every operation of AWS's model, and what shows that it works.

    python conformance/compatibility.py           # writes the page
    python conformance/compatibility.py --check   # ends with 1 if the page is not what would be written

Nothing here is said by hand: the operations and their members are those of AWS's model, that each member
of a request is read is what `test_model.py` shows, what answers have is what is not in `unseen.txt`, and
the recorded cases are those that pass.
"""

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "recorded")]

import cases  # noqa: E402
import model  # noqa: E402
import run  # noqa: E402
import seen  # noqa: E402

ROOT = HERE.parent
PAGE = ROOT / "docs" / "compatibility.md"
OPERATIONS = ROOT / "crates" / "api" / "src" / "operations" / "mod.rs"

HEAD = """\
# Compatibility with AWS Step Functions

Written by `cargo xtask compatibility`; do not change it by hand.

For each operation of AWS's service model: how many members of its requests are read (shown by a probe of
each), how many members of its answers and which of its exceptions a black-box test has made the server
answer with, and how many cases recorded from AWS that call it pass, of how many. What has not been shown is
listed below with the reason; it may work all the same.
"""


def page(all_cases, golden):
    here = set(re.findall(r'\bname: "(\w+)"', OPERATIONS.read_text("utf-8")))
    unseen = seen.read_golden()
    modelled = list(seen.modelled())
    lines = [HEAD]
    lines.append("| operation | members read | members shown | exceptions shown | recorded cases |")
    lines.append("|---|---|---|---|---|")
    for name, operation in model.read().items():
        if name not in here:
            lines.append(f"| `{name}` | not in this release | | | |")
            continue
        members = sum(1 for _ in operation.takes.all())
        gives = [what for what in modelled if what[:2] == ("out", name)]
        shown = sum(1 for what in gives if what not in unseen)
        errors = [error for error in operation.errors if ("error", name, error) not in unseen]
        called = [case for case in all_cases if any(op == name for op, _ in case.calls)]
        passed = sum(1 for case in called if case.path not in golden)
        lines.append(
            f"| `{name}` | {members} of {members} | {shown} of {len(gives)} | "
            f"{', '.join(f'`{error}`' for error in errors) or '–'} | "
            f"{f'{passed} of {len(called)}' if called else '–'} |"
        )
    lines.append("\n## Not shown\n")
    lines.append("| operation | exception or member | reason |")
    lines.append("|---|---|---|")
    for (_, name, item), reason in sorted(unseen.items(), key=lambda row: (row[0][1], row[0][0], row[0][2])):
        if name in here:
            lines.append(f"| `{name}` | `{item}` | {reason} |")
    return "\n".join(lines) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="compatibility", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="do not write; tell whether the page is up to date")
    options = parser.parse_args(arguments)
    where = cases.folder()
    if where is None:
        print("skipped: the recorded cases are not here")
        return 0
    wanted = page(cases.load(where), run.read_golden())
    if not options.check:
        PAGE.write_text(wanted, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == wanted:
        return 0
    print("error: docs/compatibility.md is out of date. hint: cargo xtask compatibility", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
