"""A peer that takes a large message slowly has the ping behind it only when it has the message."""

from __future__ import annotations

import time

import pytest
from processes import serving_limited
from websockets_driven import DrivenSocket

from reactor import Limits

SIZE = 2_000_000  # the server's kernel takes all of it at once
TIME_OUT_S = 0.4  # of a ping, and of its pong
PIECE, PAUSE_S = 16_384, 0.02  # 800 KB/s: all of it takes several of these
LIMITS = {"websocket_ping_interval_s": TIME_OUT_S, "websocket_ping_timeout_s": TIME_OUT_S}
APP = f"""
from reactor import WebSocket

class Telling(WebSocket):
    def on_open(self, *_):
        self.send(bytes({SIZE}))

def socket(request):
    return request.websocket(Telling)
"""
CLOSE, PING = 0x88, 0x89
HEAD = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
def opened(tmp_path):
    (tmp_path / "slow.py").write_text(APP)
    with (
        serving_limited("slow:socket", "reactor", LIMITS, cwd=tmp_path) as server,
        server.connect() as client,
    ):
        client.sendall(HEAD)
        yield client


def behind_the_message(client, pause_s):
    """The first bytes of what follows, when the message was read at this pace."""
    received = b""
    while True:
        data = client.recv(PIECE)
        assert data, "it was cut"
        received += data
        _, _, frames = received.partition(b"\r\n\r\n")
        if len(frames) > SIZE + 10:  # a head with a length of 8 bytes
            return frames[SIZE + 10 :]
        time.sleep(pause_s)


def test_it_is_not_given_up(opened):
    frames = behind_the_message(opened, PAUSE_S)
    assert frames[0] == PING
    assert CLOSE not in frames


def test_one_that_never_answers_a_ping_is(opened):
    frames = behind_the_message(opened, 0)
    while data := opened.recv(1 << 16):
        frames += data
    assert (frames[0], frames[2]) == (PING, CLOSE)


@pytest.mark.parametrize(
    ("has", "looks"),
    [
        ([None], 2),  # nobody says how much it has
        ([0, 2], 2),  # the ping alone, and that is all there was
        ([0, 0], 2),
        ([0, 9_999], 2),  # less than 500 B/s in 20 s is nothing
        ([0, 10_000, 10_000], 4),
        ([0, 40_000, 80_000, 100_002, 100_002], 8),  # the ping arrives last, and has its time
        ([0, 100_002, 900_000], 4),  # it takes all that comes, but never answers
    ],
)
def test_how_often_a_pong_is_waited_for(has, looks):
    limits = Limits(websocket_ping_interval_s=20, websocket_ping_timeout_s=20)
    driven = DrivenSocket(limits=limits)
    driven.transport.taken = 100_000  # with the ping two more
    answers = iter(has)

    def info(name, default=None):
        if name != "unacknowledged":
            return default
        found = next(answers, has[-1])
        return None if found is None else driven.transport.taken - found

    driven.transport.get_extra_info = info
    driven.expire()
    for look in range(looks):
        assert not driven.journal.refusals, look
        driven.expire()
    assert driven.journal.refusals[0][1] == "ws-ping-timeout"
