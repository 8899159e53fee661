#!/usr/bin/env python3
"""The effect ledger: a small process of its own that remembers every invocation of a function.

The handlers of the crash test tell it when an invocation begins and when it ends, and wait for its
word before they go on. A line is on disk (fsync) before its sender hears `ok`. The ledger is never
killed, so what it holds is the truth about what happened in the world outside Stepwell.

Use: `ledger.py SOCKET FILE`. It prints `ready` and serves until it is terminated.
"""

import json
import os
import selectors
import socket
import sys
import time


def serve(path, file_name):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(512)
    listener.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    rests = {}  # What has come from a sender after its last whole line.
    with open(file_name, "ab", buffering=0) as file:
        print("ready", flush=True)
        while True:
            told = []  # Everybody who spoke in this round shares one fsync.
            for key, _ in selector.select():
                if key.fileobj is listener:
                    sender, _ = listener.accept()
                    selector.register(sender, selectors.EVENT_READ)
                    rests[sender] = b""
                    continue
                sender = key.fileobj
                try:
                    piece = sender.recv(65536)
                except ConnectionError:
                    piece = b""
                if not piece:
                    selector.unregister(sender)
                    rests.pop(sender)
                    sender.close()
                    continue
                *lines, rests[sender] = (rests[sender] + piece).split(b"\n")
                told += [(sender, line) for line in lines]
            if not told:
                continue
            now = time.time()
            file.write(b"".join(json.dumps({"at": now, **json.loads(line)}).encode() + b"\n" for _, line in told))
            os.fsync(file.fileno())
            for sender, _ in told:
                try:
                    sender.send(b"ok\n")
                except OSError:
                    pass  # The teller was killed; what it told is kept.


def read(file_name):
    """What the ledger holds, oldest first."""
    with open(file_name, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
