"""Starts the real binary and talks to it, for the black-box tests and the crash test.

Nothing here knows how Stepwell works inside: the binary is a program with flags, one line on stdout,
and an HTTP port.
"""

import contextlib
import os
import pathlib
import re
import resource
import select
import signal
import subprocess
import tempfile
import time

import boto3
import seen
from botocore.config import Config

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
REGION = "us-east-1"
ACCOUNT = "000000000000"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/tests"

# How long a start may take before a test gives up. A debug build on a busy machine is slow; the
# marks for speed are kept in bench/, not here.
START_SECONDS_MAX = 30


def binary():
    """The program under test: `STEPWELL_BINARY`, or what `cargo build` last left in `target/debug`."""
    path = pathlib.Path(os.environ.get("STEPWELL_BINARY", ROOT / "target" / "debug" / "stepwell"))
    if not path.exists():
        raise RuntimeError(f"there is no {path}: build it with `cargo build -p stepwell`")
    return path


def environment(more=None):
    """The environment of a program under test: without what leads to somebody's real AWS account."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**kept, **nowhere, **(more or {})}


class Server:
    """One `stepwell serve`. Its folder and port stay the same over kills and restarts."""

    def __init__(self, data, functions=None, listen="127.0.0.1:0", arguments=(), log=None, environment=None):
        self.data = pathlib.Path(data)
        self.functions = functions
        self.listen = listen
        self.arguments = list(arguments)
        # Variables beside those of this process.
        self.environment = environment
        # The server's stderr: kept beside the data folder, shown by pytest when a test fails.
        self.log = pathlib.Path(log) if log else self.data.with_name(self.data.name + ".log")
        # The largest file the server may write, in bytes: how a test makes a disk full.
        self.file_bytes_max = None
        self.process = None
        self.endpoint = None

    def command(self):
        command = [str(binary()), "serve", "--listen", self.listen, "--data", str(self.data)]
        if self.functions:
            command += ["--functions", str(self.functions)]
        return command + self.arguments

    def start(self):
        """Starts it and waits for its one line on stdout; returns the seconds that took."""
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(self.environment),
                # With the signal ignored, a write past the limit fails as one on a full disk does.
                restore_signals=self.file_bytes_max is None,
                preexec_fn=self._limit_files if self.file_bytes_max is not None else None,
            )
        line = self._first_line(began + START_SECONDS_MAX)
        match = re.fullmatch(r"listening on (https?://(\S+):(\d+))\n", line)
        if not match:
            self.kill()
            raise RuntimeError(f"stdout began with {line!r}; stderr: {self.stderr()[-2000:]}")
        self.endpoint = match.group(1)
        self.listen = f"{match.group(2)}:{match.group(3)}"  # The same port after a restart.
        return time.monotonic() - began

    def _limit_files(self):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_bytes_max, self.file_bytes_max))

    def _first_line(self, deadline):
        text = b""
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 1) if ready else b""
            if not piece:
                break
            text += piece
        return text.decode(errors="replace")

    def stderr(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def rest_of_stdout(self):
        """What came on stdout after the first line; only once the process has ended."""
        return self.process.stdout.read().decode(errors="replace")

    def kill(self):
        """`kill -9`: no goodbye, no flush."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def terminate(self, seconds=20, sign=signal.SIGTERM):
        """Asks it to stop; returns its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(timeout=seconds)

    def client(self, **config):
        """A boto3 client that does not repeat calls, so that a test sees each answer."""
        return client(self.endpoint, **config)


def client(endpoint, access_key="tests", **config):
    config.setdefault("retries", {"total_max_attempts": 1})
    config.setdefault("read_timeout", 75)
    made = boto3.client(
        "stepfunctions",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key="tests",
        config=Config(max_pool_connections=50, **config),
    )
    seen.watch(made)
    return made


@contextlib.contextmanager
def running(functions=HERE / "functions.toml", arguments=(), listen="127.0.0.1:0", environment=None):
    """A server with a data folder of its own, killed and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="stepwell-test-") as folder:
        server = Server(
            pathlib.Path(folder) / "data", functions, listen, arguments, environment=environment
        )
        server.start()
        try:
            yield server
        finally:
            server.kill()


def until(probe, seconds=20, what="the condition"):
    """What `probe` returns once that is true; fails the test when the time is over."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    return result


def function_arn(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def activity_arn(name):
    return f"arn:aws:states:{REGION}:{ACCOUNT}:activity:{name}"
