"""Pings over a real connection, and a clock that the test moves: our stall ends nobody."""

import socket
from contextlib import contextmanager

import pytest
from fakes import FakeJournal
from websockets_driven import CLOSE, PING, PONG, TEXT, Recorder, close_payload, of_client

from reactor import Limits, Reactor
from reactor.http._websocket import WebSocketMachine
from reactor.http._websocket_sending import WebSocketContext
from reactor.net import Connection
from reactor.parser._frames import FrameReader
from reactor.testing import FakeClock

USUAL = Limits()
SILENCE_S = USUAL.websocket_ping_interval_s + USUAL.websocket_ping_timeout_s


class Wired:
    """A WebSocket on a socket, its clock, and the blocking socket at the other end."""

    def __init__(self, reactor, clock, **does):
        ours, self.sock = socket.socketpair()
        ours.setblocking(False)
        self.sock.setblocking(False)  # over a pair of sockets nothing is on its way
        self.reactor, self.clock = reactor, clock
        self.socket = Recorder(**does)
        context = WebSocketContext(USUAL, FakeJournal())
        machine = WebSocketMachine(context, self.socket)
        self.connection = Connection(reactor, ours, machine, "peer")
        self.connection.open()
        self.reader = FrameReader(False, 1 << 20)

    def pass_time(self, seconds):
        """A turn of the loop after so many seconds, and one for what that has planned."""
        self.clock.advance(seconds)
        self.reactor.run_once(timeout=0)
        self.reactor.run_once(timeout=0)

    def came(self):
        try:
            return self.reader.read(self.sock.recv(65_536))
        except BlockingIOError:
            return []


@contextmanager
def wired(**does):
    clock = FakeClock()
    with Reactor(clock=clock) as reactor:
        it = Wired(reactor, clock, **does)
        with it.sock:
            yield it
            it.connection.abort()
            reactor.run_once(timeout=0)


def test_a_silent_peer_is_given_up_after_both_times():
    with wired() as it:
        it.pass_time(20)
        assert it.came() == [(PING, b"")]
        it.pass_time(19)
        assert it.came() == []
        it.pass_time(1)
        [(opcode, payload)] = it.came()
        assert (opcode, payload[:2]) == (CLOSE, close_payload(1011))
        assert it.socket.told[-1][:2] == ("close", 1011)


def test_the_time_counts_from_the_last_frame():
    with wired() as it:
        it.pass_time(15)
        it.sock.sendall(of_client(TEXT, b"a"))
        it.pass_time(0)
        it.pass_time(19)
        assert it.came() == []
        it.pass_time(1)
        assert it.came() == [(PING, b"")]


def test_one_that_sends_and_never_pongs_stays():
    with wired() as it:
        for _ in range(20):
            it.pass_time(10)
            it.sock.sendall(of_client(TEXT, b"data"))
        it.pass_time(0)
        assert len(it.socket.messages) == 20
        assert not it.socket.closed


@pytest.mark.parametrize("stalled_at", [0, 19, 20, 39])
@pytest.mark.parametrize("stall_s", [25, 60, 600])
def test_a_loop_that_was_held_up_gives_nobody_up(stalled_at, stall_s):
    """The peer answers each ping as soon as it has it; the loop stands still meanwhile."""
    with wired() as it:

        def answer_pings():
            for opcode, payload in it.came():
                assert opcode == PING, payload
                it.sock.sendall(of_client(PONG, payload))

        for _ in range(stalled_at):
            it.pass_time(1)
        answer_pings()
        it.clock.advance(stall_s)  # nothing runs
        for _ in range(100):
            it.pass_time(0.5)
            answer_pings()
        assert not it.socket.closed, it.socket.told


def test_a_stall_right_after_a_ping_was_written():
    """The ping leaves at the end of the turn: what holds that up takes the peer's time."""
    with wired() as it:
        it.reactor.call_later(20, it.clock.advance, 300)  # in the turn of the ping
        it.pass_time(20)
        it.reactor.run_once(timeout=0)
        assert (PING, b"") in it.came()
        it.sock.sendall(of_client(PONG))
        it.pass_time(0)
        it.pass_time(1)
        assert not it.socket.closed


def test_a_close_that_is_not_answered_ends_in_time():
    with wired() as it:
        it.socket.close(4000)
        it.pass_time(4.9)
        assert it.socket.told == [("open",)]
        it.pass_time(0.2)
        it.reactor.run_once(timeout=0)
        assert it.socket.told[-1] == ("close", 4000, "")
