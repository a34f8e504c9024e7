"""What WebSockets inflate in a turn of the loop: a share each, and others in between."""

import random
import re
import signal
import socket
import zlib
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import ClassVar

import pytest
from processes import eventually, serving, serving_limited
from websocket_clients import Client
from websockets_driven import (
    BINARY,
    CLOSE,
    MASK,
    PING,
    PONG,
    TEXT,
    DrivenSocket,
    Recorder,
    close_payload,
    of_client,
)

from reactor import Limits
from reactor.http._websocket_sending import InflateTurns
from reactor.http.deflate import OFFER, Deflater, Inflater
from reactor.parser._frames import frame

EACH = 1000
LIMITS = Limits(websocket_inflate_per_turn_max=EACH, websocket_inflate_per_turn_all_max=8 * EACH)


def deflated(data):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Counting(Inflater):
    """Adds what comes out to ``counts[-1]``."""

    counts: ClassVar = [0]

    def go_on(self, most):
        piece = super().go_on(most)
        self.counts[-1] += len(piece)
        return piece


class Crowd:
    """Driven sockets of one loop."""

    def __init__(self, size, limits=LIMITS, **does):
        turns = InflateTurns(limits)
        Counting.counts = [0]
        self.all = [
            DrivenSocket(
                Recorder(**does),
                limits,
                turns=turns,
                inflater=Counting(12, False, limits, turns.turn_began),
                deflater=Deflater(12, False),
            )
            for _ in range(size)
        ]
        self.turn = 0.0

    def begin(self):
        """Another turn of the loop begins."""
        self.turn += 1
        for one in self.all:
            one.transport.clock.now = one.transport.turn = self.turn
        Counting.counts.append(0)

    def go_on(self):
        """The callbacks of a turn, and whether there was one."""
        self.begin()
        waiting = [(one.transport, one.transport.soon) for one in self.all]
        for transport, _ in waiting:
            transport.soon = []
        for _, callbacks in waiting:
            for callback in callbacks:
                callback()
        return any(callbacks for _, callbacks in waiting)

    @property
    def messages(self):
        return [len(one.socket.messages) for one in self.all]


def a_short_one_behind_long_ones():
    crowd = Crowd(30)
    crowd.begin()
    for one in crowd.all[1:]:
        one.feed(bomb(20 * EACH))
    crowd.begin()
    crowd.all[0].feed(bomb(EACH // 2))
    return crowd


def bomb(size, opcode=BINARY, data=None):
    return of_client(opcode, deflated(bytes(size) if data is None else data), deflated=True)


class TestOne:
    @pytest.mark.parametrize("many", [False, True])
    def test_what_is_long_is_inflated_in_several_turns(self, many):
        """One long message, or many in one read."""
        crowd = Crowd(1)
        [d] = crowd.all
        crowd.begin()
        d.feed(bomb(EACH // 2) * 20 if many else bomb(10 * EACH))
        assert not d.transport.reading
        turns = 0
        while crowd.go_on():
            turns += 1
            assert d.transport.reading == (d.socket.messages[-1:] != [] and not d.transport.soon)
        assert sum(map(len, d.socket.messages)) == 10 * EACH
        assert turns > 5
        assert max(Counting.counts) < 2 * EACH
        assert d.transport.reading
        d.feed(bomb(3))
        assert d.socket.messages[-1] == bytes(3)

    def test_frames_of_one_message_have_one_share(self):
        payload = deflated(bytes(10 * EACH))
        frames = [of_client(BINARY, payload[:1], fin=False, deflated=True)]
        frames += [of_client(0, payload[i : i + 1], fin=False) for i in range(1, len(payload))]
        crowd = Crowd(1)
        crowd.begin()
        crowd.all[0].feed(b"".join([*frames, of_client(0)]))
        while crowd.go_on():
            pass
        assert crowd.all[0].socket.messages == [bytes(10 * EACH)]
        assert max(Counting.counts) < 2 * EACH

    def test_a_text_that_is_gone_through_once_more_counts_twice(self):
        text = "\u4e2d" * 300  # 900 bytes
        crowd = Crowd(1)
        crowd.begin()
        crowd.all[0].feed(bomb(0, TEXT, text.encode()) * 2)
        assert crowd.all[0].socket.messages == [text]
        crowd.go_on()
        assert crowd.all[0].socket.messages == [text] * 2

    def test_what_is_not_deflated_does_not_count(self):
        crowd = Crowd(1)
        crowd.begin()
        crowd.all[0].feed(of_client(TEXT, b"x" * EACH) * 3)
        assert crowd.messages == [3]

    def test_one_that_pauses_in_the_middle_goes_on_when_it_resumes(self):
        crowd = Crowd(1)
        [d] = crowd.all
        crowd.begin()
        d.feed(bomb(3 * EACH))
        d.socket.pause_reading()
        while crowd.go_on():
            pass
        assert d.socket.messages == []
        d.socket.resume_reading()
        while crowd.go_on():
            pass
        assert d.socket.messages == [bytes(3 * EACH)]

    def test_one_that_closes_in_the_middle_reads_the_peers_close(self):
        crowd = Crowd(1)
        [d] = crowd.all
        crowd.begin()
        d.feed(bomb(50 * EACH) + of_client(CLOSE, close_payload(1000)))
        d.socket.close(1001)
        crowd.go_on()
        assert d.transport.closed
        assert sum(Counting.counts) < 2 * EACH
        assert d.socket.told[-1] == ("close", 1001, "")

    def test_a_peer_that_ends_is_heard_to_its_end(self):
        crowd = Crowd(1)
        [d] = crowd.all
        crowd.begin()
        d.feed(bomb(3 * EACH))
        assert d.machine.eof_received()
        while crowd.go_on():
            pass
        assert d.socket.messages == [bytes(3 * EACH)]
        assert d.transport.closed

    @pytest.mark.parametrize("seed", range(20))
    def test_nothing_is_lost_or_changes_its_place(self, seed):
        """Deflated or not, in frames and reads of any size, with pings and pauses in between."""
        chance = random.Random(seed)
        sent, expected = chance_messages(chance)
        limits = LIMITS.replace(websocket_inflate_per_turn_max=chance.choice([1, 7, 100, 3000]))
        crowd = Crowd(1, limits, message=lambda socket, data: chance.random() < 0.2 and pause())
        [d] = crowd.all
        pause, pongs = d.socket.pause_reading, []
        while sent or crowd.go_on() or not d.transport.reading:
            crowd.begin()
            if sent and d.transport.reading:
                size = chance.choice([1, 10, 1000])
                pongs += d.feed(sent[:size])
                sent = sent[size:]
            if chance.random() < 0.5:
                d.socket.resume_reading()
            crowd.go_on()
        pongs += d.sent()
        assert d.socket.messages == [item for item in expected if not isinstance(item, tuple)]
        assert pongs == [item for item in expected if isinstance(item, tuple)]


def chance_messages(chance):
    """Frames of a client, and what is to come of them: messages, and pongs as pairs."""
    sent, expected = [], []
    compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
    for number in range(30):
        size = chance.choice([0, 1, 50, 5000])
        message = chance.choice([bytes(size), chance.randbytes(size), "x" * size, "é中" * size])
        data = message.encode() if isinstance(message, str) else message
        packed = chance.random() < 0.7
        if packed:
            data = (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 0, 1, 5])))
        pieces = [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
        opcode = TEXT if isinstance(message, str) else BINARY
        for index, piece in enumerate(pieces):
            fin = index == len(pieces) - 1
            sent.append(
                of_client(0 if index else opcode, piece, fin, deflated=packed and not index)
            )
            if not fin and chance.random() < 0.3:
                sent.append(of_client(PING, b"%d" % number))
                expected.append((PONG, b"%d" % number))
        expected.append(message)
    return b"".join(sent), expected


class TestMany:
    def test_all_together_inflate_so_much_in_a_turn(self):
        crowd = Crowd(30)
        crowd.begin()
        for one in crowd.all:
            one.feed(bomb(10 * EACH))
        assert Counting.counts[-1] <= 5 * EACH
        turns = 0
        while crowd.go_on():
            turns += 1
        assert crowd.messages == [1] * 30
        assert max(Counting.counts) <= 5 * EACH
        assert turns >= 30 * 10 // 5

    def test_they_take_turns(self):
        """None is served twice before each was once."""
        crowd = a_short_one_behind_long_ones()
        while not crowd.messages[0]:
            assert crowd.go_on()
        assert crowd.messages == [1] + [0] * 29

    def test_who_reads_little_does_not_wait_for_who_goes_on(self):
        crowd = a_short_one_behind_long_ones()
        assert crowd.messages[0] == 1

    def test_who_reads_when_others_have_read_too_much_waits(self):
        crowd = Crowd(10)
        crowd.begin()
        for one in crowd.all:
            one.feed(bomb(EACH - 100))
        assert sum(crowd.messages) == 5  # a half of what a turn has, and what is over it
        assert not crowd.all[-1].transport.reading
        while crowd.go_on():
            pass
        assert crowd.messages == [1] * 10
        assert all(one.transport.reading for one in crowd.all)

    def test_who_is_lost_leaves_its_turn_to_others(self):
        crowd = Crowd(30)
        crowd.begin()
        for one in crowd.all:
            one.feed(bomb(10 * EACH))
        for one in crowd.all[:25]:  # who has a turn, and who waits for one
            one.transport.soon.clear()
            one.lose()
        while crowd.go_on():
            pass
        assert crowd.messages == [0] * 25 + [1] * 5


APP = """
import reactor

inflated = 0

class Sink(reactor.WebSocket):
    def on_message(self, data):
        global inflated
        inflated += len(data)

    def on_drain(self):
        print("inflated", inflated, flush=True)
        self.close(1012)

def app(request):
    if request.path == "/ws":
        return request.websocket(Sink)
    return reactor.Response(200, {}, str(inflated))
"""
MIB = 1 << 20


def zeros(size):
    return frame(BINARY, deflated(bytes(size)), deflated=True, mask=MASK)


@pytest.fixture
def server(tmp_path):
    (tmp_path / "sink.py").write_text(APP)
    with serving("sink:app", cwd=tmp_path) as server:
        yield server


@pytest.fixture
def lenient(tmp_path):
    """One that lets every ratio pass."""
    (tmp_path / "sink.py").write_text(APP)
    limits = {"websocket_inflate_ratio_max": 2000}
    with serving_limited("sink:app", "reactor", limits, cwd=tmp_path) as server:
        yield server


ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def answer(sock):
    """What was inflated by then."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    size = int(re.search(rb"Content-Length: (\d+)", head)[1])
    return int(sock.recv(size, socket.MSG_WAITALL))


def asked(sock):
    sock.sendall(ASK)
    return answer(sock)


@contextmanager
def opened(server, count):
    with ExitStack() as stack:
        yield [
            stack.enter_context(Client(server.port, "/ws", Sec_WebSocket_Extensions=OFFER))
            for _ in range(count)
        ]


@contextmanager
def held(server):
    """All that is sent meanwhile is there when the server has its next turn."""
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal(signal.SIGCONT)


def test_others_are_answered_before_a_read_is_inflated(lenient):
    with opened(lenient, 8) as bombs, lenient.connect() as other:
        assert asked(other) == 0
        with held(lenient):
            for one in bombs:
                one.sock.sendall(zeros(900 << 10) * 64)
            other.sendall(ASK)
        # In its turn comes what all have inflated together in one, at most.
        assert answer(other) <= MIB
        eventually(lambda: asked(other) == 8 * 64 * (900 << 10), "all of it is given out")


def test_others_are_answered_between_the_parts_of_a_message(lenient):
    with opened(lenient, 1) as [one], lenient.connect() as other:
        with held(lenient):
            one.sock.sendall(zeros(16 * MIB))
            other.sendall(ASK * 10)
        assert [answer(other) for _ in range(10)] == [0] * 10
        eventually(lambda: asked(other) == 16 * MIB, "the message is given out")


def test_a_flood_of_bombs_ends_its_connection(server):
    with opened(server, 1) as [one], server.connect() as other:
        one.sock.sendall(zeros(900 << 10) * 64)
        assert one.closed()[0] == 1009
        assert 0 < asked(other) < 16 * MIB  # of 56


def test_a_stop_is_heard_in_between(lenient):
    with opened(lenient, 8) as bombs:
        with held(lenient):
            for one in bombs:
                one.sock.sendall(zeros(900 << 10) * 64)
            lenient.signal(signal.SIGTERM)
        assert {one.closed()[0] for one in bombs} == {1012}
    assert lenient.wait() == 0
    assert max(map(int, re.findall(r"inflated (\d+)", lenient.out))) <= 2 * MIB
