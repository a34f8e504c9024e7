"""Clients in numbers, and clients that misbehave: one thread, one seed, real sockets.

For `test_hostile.py`, which is short, and for `bench/soak.py`, which is not.
"""

from __future__ import annotations

import random
import selectors
import signal
import socket
from collections import Counter
from contextlib import ExitStack, suppress

from processes import PATIENCE_S, exchange, read_to_end

HELD_MAX = 200  # stalled connections at a time
SMALL = b"GET /note.txt HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n"
LARGE = SMALL.replace(b"note.txt", b"medium.bin")
CLOSING = SMALL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
NOTE = b"a note\n"


def reset(sock):
    """Close with a reset instead of an end."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def check_health(address, count=100):
    """``count`` clean requests, all answered right."""
    for _ in range(count):
        answer = exchange(address, CLOSING)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
        assert answer.endswith(b"\r\n\r\n" + NOTE), answer


class Hostile:
    """Requests that are cut, reset, half-closed or stalled at random points."""

    def __init__(self, address, seed):
        self._address = address
        self._random = random.Random(seed)
        self._held = []
        self.done = Counter()

    def run(self, count):
        try:
            for _ in range(count):
                self._one()
        finally:
            for sock in self._held:
                self._let_go(sock)
            self._held.clear()

    def _one(self):
        choose = self._random
        request = choose.choice(
            [SMALL, LARGE, CLOSING, SMALL * 3, LARGE + SMALL, b"POST" + SMALL[3:]]
        )
        whole = choose.random() < 0.5
        sent = request if whole else request[: choose.randrange(len(request))]
        action = choose.choice([self._reset, self._half_close, self._stall, self._leave])
        sock = socket.create_connection(self._address, timeout=PATIENCE_S)
        self.done[action.__name__.strip("_")] += 1
        # A server may have refused and closed already: then sending and reading may fail.
        with suppress(ConnectionError):
            for part in self._cut(sent):
                sock.sendall(part)
            action(sock, request, whole)
            return
        sock.close()

    def _cut(self, data):
        cut = self._random.randrange(len(data) + 1)
        return [part for part in (data[:cut], data[cut:]) if part]

    def _reset(self, sock, request, whole):
        self._read_some(sock, whole)
        reset(sock)

    def _leave(self, sock, request, whole):
        self._read_some(sock, whole)
        sock.close()

    def _half_close(self, sock, request, whole):
        with sock:
            sock.shutdown(socket.SHUT_WR)
            answer = read_to_end(sock)
        # What was asked for whole is answered whole, though nothing more can be asked.
        if whole and request in (SMALL, CLOSING):
            assert answer.endswith(b"\r\n\r\n" + NOTE), answer

    def _stall(self, sock, request, whole):
        self._read_some(sock, whole)
        self._held.append(sock)
        if len(self._held) > HELD_MAX:
            self._let_go(self._held.pop(self._random.randrange(len(self._held))))

    def _read_some(self, sock, whole):
        if whole and self._random.random() < 0.7:
            sock.recv(self._random.choice([1, 100, 70_000]))

    def _let_go(self, sock):
        (reset if self._random.random() < 0.5 else socket.socket.close)(sock)


class Client:
    """One kept-alive connection of a `Load`; counts whole responses.

    ``broken`` is what came of a response that was asked for and did not come whole. A client asks
    nothing more after a response that says ``Connection: close``.
    """

    def __init__(self, sock, requests):
        self.sock = sock
        self._requests = requests
        self._received = bytearray()
        self._expected = None  # bytes of the response under way
        self._last = False  # it says that it is
        self.whole = 0
        self.broken = None
        self.ended = False

    def ask(self):
        try:
            self.sock.sendall(self._requests[self.whole % len(self._requests)])
        except ConnectionError:
            self._lose()

    def _lose(self):
        self.ended = True
        self.broken = bytes(self._received[:200]) or b"nothing came"

    def on_readable(self):
        try:
            data = self.sock.recv(262144)
        except ConnectionError:
            data = b""
        self._received += data
        if not data:
            self._lose()
        elif self._complete():
            self.whole += 1
            if self._last:
                self.ended = True
            else:
                self.ask()

    def _complete(self):
        if self._expected is None:
            if b"\r\n\r\n" not in self._received[:4096]:
                return False
            head = bytes(self._received[:4096])
            self._expected = whole_size(head)
            self._last = b"\r\nConnection: close\r\n" in head.partition(b"\r\n\r\n")[0] + b"\r\n"
        if len(self._received) < self._expected:
            return False
        del self._received[: self._expected]
        self._expected = None
        return True


def stop_under_load(server, connections, responses, requests=(SMALL, LARGE)):
    """SIGTERM the server while all connections are asking, after so many whole responses.

    Returns (whole responses, broken responses, exit code).
    """
    clients = []
    signalled = False
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for number in range(connections):
            sock = stack.enter_context(server.connect())
            client = Client(sock, requests[number % 2 :] + requests[: number % 2])
            selector.register(sock, selectors.EVENT_READ, client)
            clients.append(client)
        for client in clients:
            client.ask()
        while selector.get_map():
            ready = selector.select(PATIENCE_S)
            assert ready, "the server neither answers nor closes"
            for key, _ in ready:
                key.data.on_readable()
                if key.data.ended:
                    selector.unregister(key.data.sock)
                    key.data.sock.close()
            if not signalled and sum(client.whole for client in clients) >= responses:
                signalled = True
                server.signal(signal.SIGTERM)
    broken = [client.broken for client in clients if client.broken]
    return sum(client.whole for client in clients), broken, server.wait()


def answered_twice(server, count):
    """``count`` clients connected at once, each answered twice; (right answers, threads)."""
    right = 0
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(count)]
        for _ in range(2):
            for client in clients:
                client.sendall(SMALL)
            right += sum(read_answer(client) == NOTE for client in clients)
        return right, server.status("Threads")


def read_answer(sock):
    """The body of one answer with a Content-Length, on a connection that stays open."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer) < whole_size(answer):
        data = sock.recv(65536)
        if not data:
            return None
        answer += data
    return answer.partition(b"\r\n\r\n")[2]


def whole_size(answer):
    """How many bytes a response has, by what its head says."""
    head = answer.partition(b"\r\n\r\n")[0]
    [length] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(head) + 4 + int(length.partition(b":")[2])
