"""The load client: a closed loop over kept-alive connections, in a process of its own.

    python bench/load.py URL CONNECTIONS BODY_FILE

It connects, has one answer on each connection, and prints ``ready``. Then for each number N on
its standard input it makes N requests, never more than one under way on a connection, and prints
a line of JSON: requests, seconds, cpu_s (its own). Every response is checked, status and each
byte of the body: the first of its kind is taken apart, and those after it must equal that one
whole; a response that does not (its Date is of the next second) is taken apart again.

A wrong response, or an end that nobody asked for, is one sentence and exit status 1. It knows
nothing of `reactor`: the generator must not share a fault with what it measures.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

# What a browser sends: about 385 bytes with the request line and the Host field.
FIELDS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Cookie": "session=8f14e45fceea167a",
}
WAIT_S = 10.0


class WrongAnswer(ValueError):
    """The server did not answer as it must."""


def request_bytes(url: str, connection: str = "keep-alive") -> bytes:
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, **FIELDS, "Connection": connection}
    lines = [f"GET {parts.path or '/'} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise ValueError(f"{url!r} has no host and port")
    return parts.hostname, parts.port


def check(response: bytes, body: bytes) -> bool:
    """True if it is whole and right, False if more must come."""
    head, blank, got = response.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = re.search(rb"(?i)\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?:\r\n|$)", head)
    if not re.match(rb"HTTP/1\.[01] 200[ \r]", head + b"\r"):
        raise WrongAnswer(f"the status is not 200: {head!r:.80}")
    if length is None or int(length[1]) != len(body):
        raise WrongAnswer(f"no Content-Length of {len(body)}: {head!r:.300}")
    if len(got) < len(body):
        return False
    if got != body:
        raise WrongAnswer(f"the body is {got!r:.80} ({len(got)} bytes)")
    return True


class Client:
    """``connections`` kept-alive connections, each with one request under way or none."""

    def __init__(self, url: str, connections: int, body: bytes) -> None:
        self._request = request_bytes(url)
        self._body = body
        self._right = b""  # the last response that was taken apart and found right
        self._part: dict[int, bytes] = {}
        self._epoll = select.epoll()
        self._socks: dict[int, socket.socket] = {}
        for _ in range(connections):
            sock = socket.create_connection(address(url), WAIT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            self._socks[sock.fileno()] = sock
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def run(self, requests: int) -> dict[str, float]:
        """Make so many requests, and wait for all their responses."""
        cpu, start = time.process_time(), time.perf_counter()
        socks, poll = self._socks, self._epoll.poll
        for sock in list(socks.values())[:requests]:
            self._send(sock)
        to_send = max(0, requests - len(socks))
        missing = requests
        size = len(self._body) + 4096
        while missing:
            ready = poll(WAIT_S)
            if not ready:
                raise WrongAnswer(f"{missing} responses did not come within {WAIT_S:.0f} s")
            for number, _ in ready:
                sock = socks[number]
                data = sock.recv(size)
                if data != self._right and not self._taken_apart(number, data):
                    continue
                missing -= 1
                if to_send:
                    to_send -= 1
                    self._send(sock)
        seconds = time.perf_counter() - start
        return {"requests": requests, "seconds": seconds, "cpu_s": time.process_time() - cpu}

    def _send(self, sock: socket.socket) -> None:
        if sock.send(self._request) != len(self._request):
            raise WrongAnswer("the server takes no more requests")

    def _taken_apart(self, number: int, data: bytes) -> bool:
        if not data:
            raise WrongAnswer("the server closed a connection that was to be kept alive")
        response = self._part.pop(number, b"") + data
        if check(response, self._body):
            self._right = response
            return True
        self._part[number] = response
        return False


def main(url: str, connections: str, body_file: str) -> None:
    client = Client(url, int(connections), Path(body_file).read_bytes())
    client.run(int(connections))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(client.run(int(line))), flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (WrongAnswer, OSError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
