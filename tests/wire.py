"""What the tests of the wire share: a protocol that keeps what it is told, and connections."""

import selectors
import socket

import pytest

from reactor.limits import DEFAULT_LIMITS
from reactor.net import Connection, Protocol, Reactor


class Recorder(Protocol):
    """Keeps everything it is told; stops the reactor when it is over."""

    def __init__(self, reactor):
        self.reactor = reactor
        self.calls, self.data, self.exc = [], b"", None

    def connection_made(self, transport):
        self.calls.append("made")
        self.transport = transport

    def data_received(self, data):
        self.calls.append("data")
        self.data += data

    def eof_received(self):
        self.calls.append("eof")

    def pause_writing(self):
        self.calls.append("pause")

    def resume_writing(self):
        self.calls.append("resume")

    def connection_lost(self, exc):
        self.calls.append("lost")
        self.exc = exc
        self.reactor.stop()


class SteppingSelector(selectors.DefaultSelector):
    """The kernel's readiness, without waiting: time is the test's."""

    def select(self, timeout=None):
        return super().select(0)


@pytest.fixture
def reactor():
    with Reactor() as reactor:
        yield reactor


@pytest.fixture
def connected(reactor):
    """A connection and the blocking socket at its other end."""
    made = []

    def make(protocol=None, limits=DEFAULT_LIMITS):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.settimeout(5)
        protocol = protocol or Recorder(reactor)
        connection = Connection(reactor, ours, protocol, "peer", limits)
        connection.open()
        made.append(theirs)
        return connection, protocol, theirs

    yield make
    for theirs in made:
        theirs.close()


def run_until(reactor, condition, turns=10_000):
    for _ in range(turns):
        if condition():
            return
        reactor.run_once(timeout=5)
    raise AssertionError("the condition never came true")
