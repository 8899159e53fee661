"""The client that the scripts of this example share: plain boto3, pointed at a local Stepwell."""

import argparse
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

REGION = "us-east-1"
ACCOUNT = "000000000000"
MACHINE = "order-fulfilment"
MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{MACHINE}"
ACTIVITY = "approve-order"
ACTIVITY_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:activity:{ACTIVITY}"


def arguments(description):
    """The parser of a script's arguments, with what all of them take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:8083"),
        help="where Stepwell listens (AWS_ENDPOINT_URL_SFN; %(default)s)",
    )
    return parser


def connect(endpoint, connections=10):
    """A Step Functions client. A server on loopback without credentials accepts any signature."""
    return boto3.client(
        "stepfunctions",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "stepwell"),
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "stepwell"),
        # A poll for an activity task is held open for 60 s. Calls are repeated while the server
        # restarts: a start has a name and a task has a token, so repeating is safe.
        config=Config(
            read_timeout=75,
            connect_timeout=5,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": 8},
        ),
    )


# Whether the server was away when last asked: one line says so, not one for each thread.
_away = False


def patiently(call, seconds=300.0):
    """What `call()` answers, repeated for at most `seconds` while the server is away.

    The client repeats a call by itself, but its patience is short; a server that was killed comes
    back only when somebody starts it.
    """
    global _away
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = call()
            _away = False
            return answer
        except BotoCoreError as trouble:
            if time.monotonic() > deadline:
                raise
            if not _away:
                _away = True
                print(f"the server does not answer ({type(trouble).__name__}); trying again", file=sys.stderr)
            time.sleep(1)
