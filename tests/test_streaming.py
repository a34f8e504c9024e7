"""Bodies that are made while they are sent, over real sockets: nothing of them is held back.

No test here looks at a clock: an application makes its next piece only when the client has said
that it holds all of the last one, so a server that held a byte back would never go on.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from processes import MODELS, PATIENCE_S, eventually, exchange, serving
from streaming_apps import KINDS, PIECE

HERE = Path(__file__).parent
COUNT = 3
GET = b"GET %s HTTP/%s\r\nHost: a\r\nConnection: close\r\n\r\n"
FRAMINGS = {"chunked": b"1.1", "length": b"1.1", "close": b"1.0"}


@pytest.fixture(scope="module", params=MODELS)
def servers(request):
    """A server of each kind of application."""
    with ExitStack() as stack:
        yield {
            app: stack.enter_context(
                serving(f"streaming_apps:{app}", "--model", request.param, cwd=HERE)
            )
            for app in KINDS
        }


class Gate:
    """A FIFO; both ends are open here, so that nobody waits to open it."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = str(path)
        self.descriptor = os.open(path, os.O_RDWR)

    def write(self, data):
        while data:
            data = data[os.write(self.descriptor, data) :]

    def close(self):
        os.close(self.descriptor)


@pytest.fixture
def gate(tmp_path):
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()


def unframed(data, framing):
    """The bytes of the body that are in ``data``, the end of a message that may go on."""
    _, _, body = data.partition(b"\r\n\r\n")
    if framing != "chunked":
        return len(body)
    size = 0
    while found := re.match(rb"([0-9a-f]+)\r\n", body):
        length = int(found[1], 16)
        if not length:
            break
        size += min(length, len(body) - found.end())
        body = body[found.end() + length + 2 :]
    return size


def stream(server, kind, framing, size, gate):
    """Fetch a body of three pieces, and let each come only when the one before is here."""
    target = f"/{kind}?piece={size}&count={COUNT}&gate={gate.path}"
    if framing == "length":
        target += f"&length={COUNT * size}"
    piped = kind in {"pipe", "raw"}
    with server.connect() as sock:
        sock.sendall(GET % (target.encode(), FRAMINGS[framing]))
        received = b""
        for number in range(COUNT):
            if piped:
                writer = threading.Thread(target=gate.write, args=(PIECE[:size],))
                writer.start()
            elif number:
                gate.write(b"x")
            while unframed(received, framing) < (number + 1) * size:
                data = sock.recv(1 << 16)
                assert data, f"{kind}, {framing}, {size}: ended in piece {number}"
                received += data
            if piped:
                writer.join()
        if not piped or framing == "length":
            return received + (sock.recv(1 << 16) if framing == "chunked" else b"")
        return received


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [10, 20_000, 200_000])
@pytest.mark.parametrize(("app", "kind"), [(app, kind) for app in KINDS for kind in KINDS[app]])
def test_every_byte_of_a_piece_is_there_before_the_next_is_made(
    servers, app, kind, size, framing, gate
):
    received = stream(servers[app], kind, framing, size, gate)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (b"Transfer-Encoding: chunked" in received) == (framing == "chunked")
    assert unframed(received, framing) == COUNT * size


@pytest.mark.parametrize("app", KINDS)
def test_curl_sees_each_piece(servers, app, gate):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    url = f"{servers[app].url}yield?piece=10&count={COUNT}&gate={gate.path}"
    with subprocess.Popen(["curl", "-sN", url], stdout=subprocess.PIPE) as curl:
        for number in range(COUNT):
            if number:
                gate.write(b"x")
            assert curl.stdout.read(10) == PIECE[:10]
        assert curl.stdout.read() == b""
    assert curl.returncode == 0


@pytest.mark.parametrize("app", KINDS)
def test_two_streams_go_on_beside_each_other_and_beside_others(servers, app):
    server = servers[app]
    with server.connect() as one, server.connect() as two:
        for sock in (one, two):
            sock.sendall(GET % (b"/endless", b"1.1"))
        for _ in range(20):
            assert b"data: tick" in one.recv(1 << 16)
            assert b"data: tick" in two.recv(1 << 16)
            assert exchange(server.address, GET % (b"/ok", b"1.1")).endswith(b"fine")


@pytest.mark.parametrize("app", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_an_endless_stream_does_not_keep_a_stop_from_being_heard(app, model):
    with (
        serving(f"streaming_apps:{app}", "--model", model, cwd=HERE) as server,
        server.connect() as sock,
    ):
        sock.sendall(GET % (b"/endless", b"1.1"))
        assert sock.recv(1 << 16)
        reader = threading.Thread(target=read_until_the_end, args=(sock,))
        reader.start()
        server.signal(signal.SIGTERM)
        eventually(lambda: refuses(server), "the listener is closed")
        server.signal(signal.SIGTERM)
        server.process.wait(PATIENCE_S)
        reader.join()


def read_until_the_end(sock):
    with suppress(ConnectionError):
        while sock.recv(1 << 16):
            pass


def refuses(server):
    try:
        server.connect().close()
    except ConnectionError:
        return True
    return False
