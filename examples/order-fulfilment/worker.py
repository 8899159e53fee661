#!/usr/bin/env python3
"""An activity worker: takes orders that need approval, thinks about them, and approves or refuses.

It refuses orders whose id ends in `-refused`. While it thinks it sends heartbeats. The server may be
killed and started again meanwhile: the task token stays valid.
"""

import json
import os
import sys
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from client import ACTIVITY_ARN, arguments, connect


def decide(order):
    """The answer to one order: `(True, note)` or `(False, reason)`."""
    if order["orderId"].endswith("-refused"):
        return False, f"{order['amount']} is too much for {order['customer']}"
    return True, "looks fine"


def answer(sfn, task, think_seconds, heartbeat_seconds, say):
    order = json.loads(task["input"])
    token = task["taskToken"]
    until = time.monotonic() + think_seconds
    try:
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, heartbeat_seconds))
            sfn.send_task_heartbeat(taskToken=token)
        approved, note = decide(order)
        if approved:
            sfn.send_task_success(taskToken=token, output=json.dumps({"by": "worker.py", "note": note}))
        else:
            sfn.send_task_failure(taskToken=token, error="OrderRefused", cause=note)
        say(f"{'approved' if approved else 'refused'} {order['orderId']}: {note}")
    except (sfn.exceptions.TaskTimedOut, sfn.exceptions.TaskDoesNotExist):
        # Somebody was quicker, or this very answer arrived although its reply was lost.
        say(f"{order['orderId']} does not wait any more")


def work(sfn, stopped, think_seconds=1.0, heartbeat_seconds=5.0, say=print):
    """Polls until `stopped` is set (an open poll is given up by closing the process)."""
    while not stopped.is_set():
        try:
            task = sfn.get_activity_task(activityArn=ACTIVITY_ARN, workerName=f"worker.py-{os.getpid()}")
            if task.get("taskToken"):
                answer(sfn, task, think_seconds, heartbeat_seconds, say)
        except sfn.exceptions.ActivityDoesNotExist:
            say("there is no activity approve-order yet: run deploy.py")
            stopped.wait(2)
        except (BotoCoreError, ClientError) as trouble:
            if not stopped.is_set():
                say(f"the server does not answer ({type(trouble).__name__}); trying again")
                stopped.wait(1)


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=4, help="orders looked at at once (%(default)s)")
    parser.add_argument("--think", type=float, default=1.0, metavar="SECONDS", help="per order (%(default)s)")
    options = parser.parse_args()
    sfn = connect(options.endpoint, connections=options.threads)
    stopped = threading.Event()
    print(f"waiting for orders to approve at {options.endpoint}; Ctrl-C ends", flush=True)

    def say(line):
        print(line, flush=True)

    for _ in range(options.threads):
        threading.Thread(target=work, args=(sfn, stopped, options.think, 5.0, say), daemon=True).start()
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
