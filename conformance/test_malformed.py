"""Fifty thousand malformed requests: each is answered as AWS's model foretells, and nothing else happens."""

import json
import pathlib
import re
import socket
import threading

import pytest
import server as servers
from malformed import Generator
from model import read

REQUESTS = 50_000
THREADS = 4
# As much of a body that is too large is read for the sake of the answer.
READ_BYTES_MAX = 4 * 1024 * 1024
# Of the resident memory after the first requests, in MiB.
GROWTH_MIB_MAX = 48

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/states/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + "0" * 64
)


class Wire:
    """A connection that is kept, and made again when the server had to close it."""

    def __init__(self, listen):
        host, port = listen.split(":")
        self.address, self.socket, self.rest = (host, int(port)), None, b""

    def ask(self, request):
        """`(status, body)`."""
        if self.socket is None:
            self.socket, self.rest = socket.create_connection(self.address, timeout=30), b""
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        content_type = f"Content-Type: {request.content_type}\r\n" if request.content_type else ""
        head = (
            f"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: {request.target}\r\n{content_type}"
            f"Authorization: {AUTHORIZATION}\r\nContent-Length: {len(request.body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode() + request.body)
        data = self.rest
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        head = head.decode().lower()
        length = int(re.search(r"\r\ncontent-length: (\d+)", head).group(1))
        while len(body) < length:
            body += self._more()
        self.rest = body[length:]
        if "\r\nconnection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), body[:length]

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None


def wrong(request, status, body):
    """Why an answer is not what was foretold; nothing if it is."""
    answer = json.loads(body)
    found = answer.get("__type", "").rsplit("#", 1)[-1]
    if (status, found) != (request.status, request.expected):
        return f"{status} {found}"
    if request.paths is not None:
        message = answer["message"]
        count = len(request.paths)
        if not message.startswith(f"{count} validation error{'s' if count > 1 else ''} detected: "):
            return f"not {count}"
        named = re.findall(r" at '([^']*)' failed to satisfy constraint: ", message)
        if sorted(named) != sorted(request.paths):
            return f"names {sorted(named)}, not {sorted(request.paths)}"
    return None


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


@pytest.fixture(scope="module")
def server():
    # A line of the log for each would be most of the work.
    with servers.running(functions=None, arguments=["--log", "error"]) as running:
        yield running


def test_every_malformed_request_is_answered_as_foretold(server, sfn):
    operations = list(read().values())
    before = (sfn.list_state_machines()["stateMachines"], sfn.list_activities()["activities"])
    failures, kinds, sent, lock = [], {}, [0], threading.Lock()
    sizes = []

    def work(seed):
        wire = Wire(server.listen)
        for request in Generator(operations, seed).requests(REQUESTS // THREADS):
            try:
                why = wrong(request, *wire.ask(request))
            except (OSError, ValueError) as error:
                # Of a giant the server does not read all, and closing then may cost its answer.
                why = None if len(request.body) > READ_BYTES_MAX else repr(error)
                wire.close()
            with lock:
                sent[0] += 1
                kinds[request.kind] = kinds.get(request.kind, 0) + 1
                if sent[0] == REQUESTS // 5:
                    sizes.append(resident_mib(server.process.pid))
                if why:
                    failures.append((request.kind, request.target, request.body[:300], request.expected, why))
                    if len(failures) >= 200:
                        return
        wire.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, THREADS + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sizes.append(resident_mib(server.process.pid))

    assert not failures, f"{len(failures)} of {sent[0]}:\n" + "\n".join(map(str, failures[:40]))
    assert sent[0] == REQUESTS
    print(kinds, sizes)
    assert len(kinds) == 11, kinds
    assert sizes[1] - sizes[0] < GROWTH_MIB_MAX, sizes
    assert server.process.poll() is None
    assert "panic" not in server.stderr()
    after = (sfn.list_state_machines()["stateMachines"], sfn.list_activities()["activities"])
    assert after == before, "nothing was made"
