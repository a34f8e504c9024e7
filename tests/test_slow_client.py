"""A client that takes an answer slowly is no client that takes nothing, however large the kernel's
buffer is."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager, suppress

import pytest
from processes import PATIENCE_S, eventually, read_to_end, serving, serving_limited
from wire import SteppingSelector, run_until

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.net import Inet, Protocol, Reactor
from reactor.net._timed import charged
from reactor.testing import FakeClock

SIZE = 3_000_000
TIMEOUT_S = 0.5  # of the server
PIECE, PAUSE_S = 4096, 0.02  # 200 KB/s: a third of the buffer takes several times as long
STEADY_S = 3 * TIMEOUT_S
APP = f"""
from reactor import Response

def pieces(request):
    return Response(200, {{}}, iter([bytes({SIZE // 10})] * 10))
"""
TARGETS = {"a file": ".", "in pieces": "slow:pieces"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "slow.py").write_text(APP)
    (tmp_path / "big").write_bytes(bytes(SIZE))
    return tmp_path


def connect(server):
    sock = socket.socket()
    # A small window, so that what is not taken is in the server's kernel.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
    sock.settimeout(PATIENCE_S)
    sock.connect(server.address)
    sock.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return sock


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", ["reactor", "threads"])
def test_it_gets_all_of_it(target, model, folder):
    words = ("--model", model, f"--timeout-write={TIMEOUT_S}")
    with serving(TARGETS[target], *words, cwd=folder) as server, connect(server) as sock:
        received, began = 0, time.monotonic()
        while data := sock.recv(PIECE if time.monotonic() < began + STEADY_S else 1 << 16):
            received += len(data)
            if time.monotonic() < began + STEADY_S:
                time.sleep(PAUSE_S)
        assert received > SIZE


@pytest.mark.parametrize("model", ["reactor", "threads"])
def test_one_that_takes_nothing_is_let_go(model, folder):
    words = ("--model", model, "--timeout-write=0.3")
    with serving(".", *words, cwd=folder) as server, connect(server) as sock:
        eventually(lambda: "write-timeout" in server.err, "the client is given up")
        with suppress(ConnectionResetError):
            while sock.recv(1 << 16):
                pass


# --- one that pauses --------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["reactor", "threads"])
def test_one_that_took_much_may_pause(model, folder):
    """As `curl --limit-rate` does: much at once, then nothing for longer than the time-out."""
    timeout_s = 0.05
    limits = {"write_timeout_s": timeout_s, "write_pauses_max": 10_000}
    size = 20_000_000  # more than the kernels hold
    (folder / "big").write_bytes(bytes(size))
    with serving_limited(".", model, limits, cwd=folder) as server, server.connect() as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = 0
        while received < size // 4:
            received += len(sock.recv(1 << 16))
        time.sleep(10 * timeout_s)
        assert received + len(read_to_end(sock)) > size


class Writing(Protocol):
    """Writes more than the kernels hold."""

    lost = None

    def connection_made(self, transport):
        self.transport = transport
        transport.write(bytes(20_000_000))

    def connection_lost(self, exc):
        self.lost = exc


class Stalled:
    """A connection whose client reads when the test says so, and whose clock is the test's."""

    def __init__(self, reactor, clock, limits):
        self.reactor, self.clock, self.limits = reactor, clock, limits
        self.protocol = Writing()
        listener = reactor.listen(Inet("127.0.0.1", 0), lambda: self.protocol, limits)
        self.client = socket.create_connection(("127.0.0.1", listener.addresses[0].port))
        self.client.settimeout(PATIENCE_S)
        run_until(reactor, lambda: len(listener) == 1)
        self.turns()

    def turns(self):
        for _ in range(50):
            self.reactor.run_once(timeout=0)

    def read(self, size):
        left = size
        while left > 0:
            left -= len(self.client.recv(min(left, 1 << 16)))
            self.reactor.run_once(timeout=0)
        self.turns()

    def time_outs(self, at_most=20, reading=0):
        """How many it survives, if it reads so much in each."""
        for count in range(at_most):
            self.clock.advance(self.limits.write_timeout_s * 1.01)
            self.turns()
            if self.protocol.lost:
                assert isinstance(self.protocol.lost, TimeoutError)
                return count
            self.client.recv(reading) if reading else None
        return at_most


@contextmanager
def stalled(**limits):
    clock = FakeClock()
    with Reactor(SteppingSelector(), clock) as reactor:
        found = Stalled(reactor, clock, Limits(**limits))
        with found.client:
            yield found


@pytest.mark.parametrize("rate", [0, DEFAULT_LIMITS.body_rate_min])
def test_without_having_taken_anything_there_is_no_pause(rate):
    with stalled(body_rate_min=rate) as connection:
        # In the first the client's kernel may still take something.
        assert connection.time_outs() <= 1


def test_a_pause_has_its_bound():
    with stalled() as connection:
        connection.read(2_000_000)
        assert 3 <= connection.time_outs() <= 4


def test_it_may_pause_again_and_again():
    with stalled() as connection:
        for _ in range(5):
            connection.read(1_000_000)
            assert connection.time_outs(at_most=3) == 3


def test_what_pays_for_pauses_is_used_up():
    """By one that reads a little in each time-out, for ever."""
    with stalled() as connection:
        connection.read(2_000_000)
        # Of what it reads its kernel tells ours in pieces of 64 KiB, four time-outs' worth.
        assert 3 <= connection.time_outs(at_most=50, reading=1000) < 25


@pytest.mark.parametrize("every", [1, 2, 4])
def test_in_the_mean_it_takes_the_least_rate(every):
    """``every`` so many time-outs it takes what they cost, less one byte: so it ends."""
    paid, read, least, survived = 0.0, 100_000.0, 1000.0, 0
    for number in range(1, 100_000):
        if number % every == 0:
            read += every * least - 1
        paid = charged(paid, read, least, 3)
        if read < paid:
            break
        survived = number
    assert 3 <= survived < 99_999


def test_who_takes_the_least_rate_goes_on():
    paid, read = 0.0, 100_000.0
    for _ in range(1000):
        read += 1000
        paid = charged(paid, read, 1000.0, 3)
        assert read >= paid
