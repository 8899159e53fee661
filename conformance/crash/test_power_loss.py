"""The power loss itself: what was flushed stays, what was not may go. Without a server."""

import os
import random
import subprocess
import sys

import power_loss
import pytest

WRITER = """
import os, signal, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(file, b"a" * 1000)
os.pwrite(file, b"b" * 10, 500)
os.fsync(file)
again = os.open(sys.argv[1], os.O_RDWR)
os.pwrite(again, b"c" * 10, 500)
os.pwrite(file, b"d" * 3000, 900)
os.ftruncate(file, 100)
os.write(os.open(sys.argv[1] + ".new", os.O_WRONLY | os.O_CREAT | os.O_APPEND), b"never flushed")
os.kill(os.getpid(), signal.SIGKILL)
"""
FLUSHED = b"a" * 500 + b"b" * 10 + b"a" * 490


def crashed(folder):
    """The data folder and the journals of a program that wrote, flushed, wrote more, and was killed."""
    data, journals = folder / "data", folder / "journals"
    data.mkdir()
    more = power_loss.environment(power_loss.build(folder), data, journals)
    command = [sys.executable, "-c", WRITER, str(data / "file")]
    assert subprocess.run(command, env={**os.environ, **more}, check=False).returncode == -9
    return data, journals


@pytest.mark.skipif(sys.platform != "linux", reason="a library before libc is Linux's way")
def test_what_was_not_flushed_is_lost_and_what_was_is_not(tmp_path):
    data, journals = crashed(tmp_path)
    assert (data / "file").stat().st_size == 100
    assert (data / "file.new").read_bytes() == b"never flushed"

    class All(random.Random):
        def choice(self, _):
            return 0.0

    assert power_loss.lose(data, journals, All()) == 4
    assert (data / "file").read_bytes() == FLUSHED
    assert (data / "file.new").read_bytes() == b""
    assert power_loss.lose(data, journals, All()) == 0, "it is lost once"


def test_a_flush_that_writes_overtake_saves_what_came_before_it():
    def record(kind, offset, new=b""):
        return power_loss.HEAD.pack(ord(kind), offset, 0, 0, len(new)) + new

    text = record("W", 0, b"one") + record("W", 3, b"two") + record("S", 1) + record("W", 6, b"three")
    assert [write[4] for write in power_loss.unflushed(text)] == [b"two", b"three"]
    assert power_loss.unflushed(text + record("W", 9, b"torn")[:-1]) == power_loss.unflushed(text)
