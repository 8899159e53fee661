#!/usr/bin/env python3
"""Starts a hundred orders, watches them, and prints what became of them.

Most go through; some meet a busy payment provider, some are declined, sold out, left without a
courier, and some need approval (run worker.py beside this script).
"""

import collections
import concurrent.futures
import json
import sys
import time

from client import MACHINE_ARN, arguments, connect, patiently

# What kinds of order there are: how one is recognised in twenty, and how it must end.
KINDS = {
    "plain": "SUCCEEDED",
    "busy": "SUCCEEDED",
    "declined": "FAILED CardDeclined",
    "soldout": "FAILED SoldOut",
    "nocourier": "FAILED NoCourier",
    "large": "SUCCEEDED",
    "refused": "FAILED OrderRefused",
}
OF_TWENTY = {3: "busy", 5: "large", 6: "declined", 9: "soldout", 12: "nocourier", 13: "busy", 15: "large",
             17: "refused"}


def order(number, packing_seconds=2):
    """The order of this number, always the same, and its kind."""
    kind = OF_TWENTY.get(number % 20, "plain")
    items = [
        {"sku": sku, "quantity": 1 + (number + place) % 2}
        for place, sku in enumerate(["lamp", "mug", "chair", "desk"][: 1 + number % 4])
    ]
    if kind == "soldout":
        items.append({"sku": "unicorn", "quantity": 1})
    if kind in ("large", "refused"):
        items.append({"sku": "sofa", "quantity": 1})
    else:
        items = [item for item in items if item["sku"] != "desk"] or [{"sku": "mug", "quantity": 1}]
    return kind, {
        "orderId": f"order-{number:03}" + ("" if kind == "plain" else f"-{kind}"),
        "customer": f"customer{number % 37}@example.com",
        "shipTo": {"street": f"{1 + number % 80} Mill Lane", "city": "Bree"},
        "items": items,
        "packingSeconds": packing_seconds,
    }


def start(sfn, run, count, packing_seconds=2):
    """Starts `count` orders; returns `{execution ARN: (order id, kind)}`."""

    def one(number):
        kind, body = order(number, packing_seconds)
        # Named executions: if a reply is lost, starting again starts nothing twice.
        name = f"{run}-{body['orderId']}"
        started = patiently(
            lambda: sfn.start_execution(stateMachineArn=MACHINE_ARN, name=name, input=json.dumps(body))
        )
        return started["executionArn"], (body["orderId"], kind)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return dict(pool.map(one, range(count)))


def ended(described):
    """The end of an execution in a few words, or None while it runs."""
    if described["status"] == "RUNNING":
        return None
    return " ".join(filter(None, [described["status"], described.get("error")]))


def watch(sfn, started, seconds, progress=lambda open_count: None):
    """Asks until all have ended or the time is over; returns `{execution ARN: end or None}`."""
    ends = dict.fromkeys(started)
    deadline = time.monotonic() + seconds

    def describe(arn):
        return patiently(lambda: sfn.describe_execution(executionArn=arn))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        while True:
            waiting = [arn for arn, end in ends.items() if end is None]
            for arn, described in zip(waiting, pool.map(describe, waiting)):
                ends[arn] = ended(described)
            waiting = [arn for arn, end in ends.items() if end is None]
            progress(len(waiting))
            if not waiting or time.monotonic() > deadline:
                return ends
            time.sleep(0.5)


def summarize(started, ends):
    """How many of each kind ended how, and which did not end as they should have."""
    counts = collections.Counter((kind, ends[arn] or "RUNNING") for arn, (_, kind) in started.items())
    wrong = [
        {"executionArn": arn, "orderId": order_id, "expected": KINDS[kind], "end": ends[arn] or "RUNNING"}
        for arn, (order_id, kind) in started.items()
        if ends[arn] != KINDS[kind]
    ]
    table = [
        {"kind": kind, "end": end, "count": count, "expected": KINDS[kind]}
        for (kind, end), count in sorted(counts.items())
    ]
    return {"orders": len(started), "table": table, "unexpected": wrong}


def print_table(summary):
    print(f"{'orders':>6}  {'kind':<10} {'ended':<22} as expected")
    for row in summary["table"]:
        verdict = "yes" if row["end"] == row["expected"] else f"no: {row['expected']}"
        print(f"{row['count']:>6}  {row['kind']:<10} {row['end']:<22} {verdict}")
    running = [wrong for wrong in summary["unexpected"] if wrong["end"] == "RUNNING"]
    if running:
        print(f"{len(running)} still run, for example {running[0]['executionArn']}")
        print("orders of kind large and refused wait for approval: run worker.py")


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="how many orders (%(default)s)")
    parser.add_argument("--run", default=time.strftime("%Y%m%d-%H%M%S"), help="begins the execution names")
    parser.add_argument("--packing-seconds", type=int, default=2, metavar="N", help="%(default)s")
    parser.add_argument("--wait", type=float, default=120, metavar="SECONDS", help="at most (%(default)s)")
    parser.add_argument("--no-wait", action="store_true", help="start them and leave")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options = parser.parse_args()

    sfn = connect(options.endpoint)
    started = start(sfn, options.run, options.count, options.packing_seconds)
    if options.no_wait:
        print(json.dumps(sorted(started)) if options.json else f"started {len(started)} orders")
        return 0

    def progress(open_count):
        if sys.stdout.isatty() and not options.json:
            print(f"\r{len(started) - open_count} of {len(started)} orders have ended", end="", flush=True)

    summary = summarize(started, watch(sfn, started, options.wait, progress))
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        if sys.stdout.isatty():
            print()
        print_table(summary)
    return 1 if summary["unexpected"] else 0


if __name__ == "__main__":
    sys.exit(main())
