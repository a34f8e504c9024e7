"""What OpenSSL may ask for besides what it was asked: an OpenSSL that does as a test says."""

from __future__ import annotations

import socket
from collections import deque
from ssl import CERT_NONE, SSLWantReadError, SSLWantWriteError
from types import SimpleNamespace

import pytest
from wire import Recorder, run_until

from reactor.limits import DEFAULT_LIMITS
from reactor.loop._core import EVENT_READ, EVENT_WRITE
from reactor.loop._epoll import EpollSelector
from reactor.net import Inet, Reactor, listen_sockets
from reactor.net._tls_connection import ServerTls
from reactor.testing import FakeClock


class FakeSsl:
    """Plain bytes, and for each call what `plan` says first: an exception to raise."""

    def __init__(self, sock):
        self.sock = sock
        self.plan = {"read": deque(), "write": deque(), "shutdown": deque()}
        self.offered = []
        self.closed = False

    def _follow(self, call):
        if self.plan[call] and (error := self.plan[call].popleft()):
            raise error

    def do_handshake(self):
        try:
            self.sock.recv(1)
        except BlockingIOError:
            raise SSLWantReadError from None

    def read(self, size, buffer):
        self._follow("read")
        try:
            return self.sock.recv_into(buffer, size)
        except BlockingIOError:
            raise SSLWantReadError from None

    def write(self, data):
        self.offered.append(bytes(data))
        self._follow("write")
        return self.sock.send(data)

    def pending(self):
        return 0

    def shutdown(self):
        self._follow("shutdown")
        self.sock.send(b"<bye>")


class FakeContext:
    """An `ssl.SSLContext` whose connections are fake."""

    def wrap_socket(self, sock, **options):
        self.made = FakeSsl(sock)
        return FakeSocket(self.made, sock)


class FakeSocket:
    context = SimpleNamespace(verify_mode=CERT_NONE)
    session_reused = False

    def __init__(self, fake, sock):
        self._sslobj, self._sock = fake, sock

    def close(self):
        self._sock.close()

    def fileno(self):
        return self._sock.fileno()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def connected(clock):
    """(protocol, fake, the client's socket, the reactor), after the handshake."""
    context = FakeContext()
    selector = EpollSelector()
    with Reactor(selector, clock) as reactor:
        reactor.watched = selector
        made = []
        sockets = listen_sockets(Inet("127.0.0.1", 0), 10)

        def factory():
            made.append(Recorder(reactor))
            return made[-1]

        listener = reactor.serve(sockets, factory, DEFAULT_LIMITS, ServerTls(context))
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            client.sendall(b"\x17")  # no ClientHello, of which more would be waited for
            run_until(reactor, lambda: made)
            yield made[0], context.made, client, reactor


def events_of(reactor, fake):
    return reactor.watched.get_map()[fake.sock.fileno()].events


def test_a_write_that_found_no_room_offers_the_same_bytes_again(connected):
    protocol, fake, client, reactor = connected
    fake.plan["write"].append(SSLWantWriteError())
    protocol.transport.write(b"first")
    assert events_of(reactor, fake) == EVENT_READ | EVENT_WRITE
    protocol.transport.write(b" and second")
    run_until(reactor, lambda: len(fake.offered) == 3)
    # Not "first and second": another number of bytes would end the session (BAD_LENGTH).
    assert fake.offered == [b"first", b"first", b" and second"]
    received = b""
    while len(received) < 16:
        received += client.recv(100)
    assert received == b"first and second"


def test_a_write_that_must_read_first_waits_for_that_and_not_for_room(connected):
    protocol, fake, client, reactor = connected
    fake.plan["write"].append(SSLWantReadError())
    protocol.transport.write(b"hello")
    # There is room all the time: to wait for that would spin.
    assert events_of(reactor, fake) == EVENT_READ
    protocol.transport.pause_reading()
    assert events_of(reactor, fake) == EVENT_READ
    client.sendall(b"x")
    run_until(reactor, lambda: len(fake.offered) == 2)
    assert fake.offered == [b"hello", b"hello"]
    assert client.recv(100) == b"hello"
    assert protocol.data == b""  # it has paused
    protocol.transport.resume_reading()
    run_until(reactor, lambda: protocol.data == b"x")


def test_a_read_that_must_write_first_is_tried_again_when_there_is_room(connected):
    protocol, fake, client, reactor = connected
    fake.plan["read"].append(SSLWantWriteError())
    client.sendall(b"hello")
    run_until(reactor, lambda: not fake.plan["read"])
    run_until(reactor, lambda: protocol.data == b"hello")
    assert events_of(reactor, fake) == EVENT_READ


def test_the_signed_end_waits_for_room_and_goes_before_ours(connected):
    protocol, fake, client, reactor = connected
    fake.plan["shutdown"] += [SSLWantWriteError(), SSLWantWriteError()]
    protocol.transport.write(b"last")
    protocol.transport.close()
    run_until(reactor, lambda: not fake.plan["shutdown"])
    received = b""
    client.settimeout(0.01)
    while not received.endswith(b"<bye>"):
        reactor.run_once(0)
        try:
            received += client.recv(100)
        except TimeoutError:
            continue
    assert received == b"last<bye>"
    client.settimeout(5)
    reactor.run_once(0)
    assert client.recv(1) == b""


def test_who_takes_no_signed_end_is_given_up(connected, clock):
    protocol, fake, client, reactor = connected
    fake.plan["shutdown"] += [SSLWantWriteError()] * 1000
    protocol.transport.close()
    for _ in range(3):
        reactor.run_once(0)
    assert protocol.calls == ["made"]
    fake.plan["shutdown"].clear()
    fake.plan["shutdown"] += [SSLWantWriteError()] * 1000
    clock.now += DEFAULT_LIMITS.write_timeout_s + 1
    reactor.run_once(0)
    reactor.run_once(0)
    assert protocol.calls[-1] == "lost"
