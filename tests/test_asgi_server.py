"""ASGI applications as their users serve them: how they start and stop, and with what code."""

import contextlib
import os
import signal
import socket
import time

import pytest
from processes import PATIENCE_S, eventually, read_to_end, serving, started

GET = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

SITE = '''
import asyncio
import sys
import time


def say(text):
    print("said:", text, file=sys.stderr, flush=True)


def with_lifespan(startup="complete", shutdown="complete"):
    """What an application does in its lifespan: a word for each end of it."""

    async def act(phase, how, send):
        if how == "raise":
            raise RuntimeError("no database")
        if how == "hang":
            await asyncio.Event().wait()
        if how == "block":
            time.sleep(100)
        message = {"type": f"lifespan.{phase}.{how}"}
        await send(message if how == "complete" else {**message, "message": "no database"})

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["pool"] = "made"
            say("starting")
            await act("startup", startup, send)
            await receive()
            say("shutting down")
            await act("shutdown", shutdown, send)
        else:
            await respond(scope, receive, send)

    return app


async def respond(scope, receive, send):
    path = scope["path"]
    if path == "/slow":
        say("asked")
        await asyncio.sleep(0.5)
    if path == "/ever":
        try:
            await stream(send, b"application/octet-stream")
        finally:
            say("stream closed")
        return
    if path == "/events" or path == "/idle":
        try:
            await stream(send, b"text/event-stream", idle=path == "/idle")
        except OSError:
            say("told by send")
            raise
        finally:
            say("generator closed")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": repr(scope.get("state")).encode()})
    if path == "/background":
        await asyncio.sleep(0.3)
        say("background done")


async def stream(send, kind, idle=False):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    while True:
        await send({"type": "http.response.body", "body": b"data: x\\n\\n", "more_body": True})
        if idle:
            await asyncio.Event().wait()
        await asyncio.sleep(0.05)


app = with_lifespan()
failed = with_lifespan("failed")
raising = with_lifespan("raise")
hanging = with_lifespan("hang")
blocking = with_lifespan("block")
failed_at_end = with_lifespan(shutdown="failed")
raising_at_end = with_lifespan(shutdown="raise")
hanging_at_end = with_lifespan(shutdown="hang")


async def without(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("only http")
    await respond(scope, receive, send)


async def returning(scope, receive, send):
    if scope["type"] == "http":
        await respond(scope, receive, send)


async def dying(scope, receive, send):
    """Its lifespan ends while it serves."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise RuntimeError("gone")
    await respond(scope, receive, send)


def plain(scope, receive, send):
    return {"no": "coroutine"}


number = 5
'''


@pytest.fixture
def here(tmp_path):
    (tmp_path / "site_of_it.py").write_text(SITE)
    return tmp_path


def serve(here, name, *arguments, **options):
    return serving(f"site_of_it:{name}", *arguments, cwd=here, **options)


def ask(server, path):
    with server.connect() as sock:
        sock.sendall(GET % path)
        return read_to_end(sock)


def says(server, word):
    return eventually(lambda: word in server.err, f"{word!r} in {server.err!r}")


# --- the start --------------------------------------------------------------------------------


def test_a_lifespan_from_start_to_end(here):
    with serve(here, "app") as server:
        assert ask(server, b"/").endswith(b"{'pool': 'made'}")
        assert server.stop() == 0
        assert server.err.index("starting") < server.err.index("shutting down")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("failed", "says that its startup failed: no database"),
        ("raising", "failed while it started: RuntimeError: no database"),
        ("plain", "returned dict, which cannot be awaited"),
        ("number", "an object of type int"),
        ("with_lifespan", "called without an argument"),
    ],
)
def test_who_does_not_start_is_not_served(here, name, said):
    expected = name == "raising"
    with serve(here, name, announced=False, traceback_expected=expected) as server:
        assert server.wait() == 3
        assert said in server.err
        assert server.out == ""
        if not expected:
            [line] = [line for line in server.err.splitlines() if not line.startswith("said:")]


@pytest.mark.parametrize("name", ["without", "returning"])
def test_an_application_without_a_lifespan(here, name):
    with serve(here, name) as server:
        assert b" 200 " in ask(server, b"/")
        assert "has no lifespan" in server.err
    with serve(here, name, "--lifespan=on", announced=False, traceback_expected=True) as server:
        assert server.wait() == 3
    with serve(here, name, "--lifespan=off") as server:
        assert b" 200 " in ask(server, b"/")
        assert "lifespan" not in server.err


def test_a_start_that_hangs_is_ended_by_a_signal(here):
    with serve(here, "hanging", announced=False) as server:
        says(server, "starting")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        assert server.out == ""


def test_a_start_that_hangs_ends(here):
    program = [
        *("-c", "import sys, site_of_it; from reactor import Limits, serve\n"
          "from reactor.errors import StartupError\n"
          "try: serve(site_of_it.hanging, port=0, limits=Limits(startup_timeout_s=0.2))\n"
          "except StartupError as error: sys.exit(str(error))"),
    ]  # fmt: skip
    import sys

    with started([sys.executable, *program], cwd=here, announced=False) as server:
        assert server.wait() == 1
        assert "did not start within 0.2 s" in server.err


def test_a_start_that_blocks_is_ended_by_the_second_signal(here):
    with serve(here, "blocking", announced=False) as server:
        says(server, "starting")
        server.signal(signal.SIGTERM)
        time.sleep(0.3)  # the first one is heard before the second is sent
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


def test_a_port_that_is_taken_is_said_before_the_start(here):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with serve(here, "app", "--port", port, announced=False) as server:
            assert server.wait() == 3
            assert "starting" not in server.err


def test_a_lifespan_that_ends_while_it_serves(here):
    with serve(here, "dying", traceback_expected=True) as server:
        eventually(lambda: "gone" in server.err, "its exception")
        assert b" 200 " in ask(server, b"/")
        assert server.stop() == 0
        assert server.err.count("RuntimeError: gone") == 1


# --- the stop ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("failed_at_end", 1, "says that its shutdown failed: no database"),
        ("raising_at_end", 1, "failed while it shut down"),
        ("hanging_at_end", 1, "did not shut down within"),
    ],
)
def test_a_shutdown_that_fails(here, name, code, said):
    bound = "--timeout-graceful-shutdown=0.5"
    with serve(here, name, bound, traceback_expected=name == "raising_at_end") as server:
        assert server.stop() == code
        assert said in server.err


def test_a_slow_request_is_answered_and_the_lifespan_ends_behind_it(here):
    with serve(here, "app") as server, server.connect() as sock:
        sock.sendall(GET % b"/slow")
        says(server, "asked")
        server.signal(signal.SIGTERM)
        assert b" 200 " in read_to_end(sock)
        assert server.wait() == 0
        assert "shutting down" in server.err


def test_a_background_task_ends_before_the_lifespan(here):
    with serve(here, "app") as server:
        assert b" 200 " in ask(server, b"/background")
        assert server.stop() == 0
        assert server.err.index("background done") < server.err.index("shutting down")


@pytest.mark.parametrize("path", [b"/events", b"/idle"])
def test_an_event_stream_is_ended_after_the_grace(here, path):
    with serve(here, "app", "--timeout-graceful-shutdown=1") as server, server.connect() as sock:
        sock.sendall(GET % path)
        assert b"data" in sock.recv(65536)
        server.signal(signal.SIGTERM)
        assert read_to_end(sock).endswith(b"0\r\n\r\n")
        assert server.wait() == 0
        assert server.err.index("generator closed") < server.err.index("shutting down")
        assert ("told by send" in server.err) is (path == b"/events")


def test_another_stream_is_cut_at_the_end_and_closed(here):
    with serve(here, "app", "--timeout-graceful-shutdown=0.5") as server:
        with server.connect() as sock:
            sock.sendall(GET % b"/ever")
            assert sock.recv(10)
            server.signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionResetError):
                assert not read_to_end(sock).endswith(b"0\r\n\r\n")
        assert server.wait() == 0
        assert server.err.index("stream closed") < server.err.index("shutting down")
        assert "1 response was cut off" in server.err


@pytest.mark.parametrize("path", [b"/events", b"/idle", b"/ever"])
def test_the_second_signal_ends_at_once(here, path):
    with serve(here, "app") as server, server.connect() as sock:
        sock.sendall(GET % path)
        assert sock.recv(10)
        server.signal(signal.SIGTERM)
        eventually(lambda: "stopping" in server.err, "the first signal is heard")
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 143
        assert time.monotonic() - began < 10


# --- clients that go --------------------------------------------------------------------------


def test_a_stream_ends_when_its_client_goes(here):
    with serve(here, "app", "--log-level=debug") as server:
        with server.connect() as sock:
            sock.sendall(GET % b"/events")
            sock.recv(10)
        says(server, "generator closed")
        assert "told by send" in server.err
        assert "ERROR" not in server.err


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
def test_descriptors_and_tasks_come_back(here):
    with serve(here, "app", "--no-access-log") as server:
        ask(server, b"/")
        # The listener's, and the pair by which asyncio is woken.
        eventually(lambda: len(server.sockets()) == 3, "nobody is connected")
        before = len(server.open_descriptors())
        for _ in range(50):
            sock = server.connect()
            sock.sendall(GET % b"/ever")
            sock.recv(10)
            linger = b"\x01\0\0\0\0\0\0\0"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.close()  # a reset
        eventually(lambda: len(server.open_descriptors()) == before, "all are given back")
        eventually(lambda: server.err.count("stream closed") == 50, "all are closed", PATIENCE_S)


# --- WebSockets -------------------------------------------------------------------------------

SOCKETS = """
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise ValueError("only websockets")
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    print("closed", message["code"], flush=True)
"""
OPENING = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_stop_closes_websockets_in_order(here):
    (here / "sockets.py").write_text(SOCKETS)
    with contextlib.ExitStack() as ending:
        server = ending.enter_context(serving("sockets:app", "--no-access-log", cwd=here))
        socks = [ending.enter_context(server.connect()) for _ in range(50)]
        for sock in socks:
            sock.sendall(OPENING)
            assert sock.recv(1000).startswith(b"HTTP/1.1 101")
        server.signal(signal.SIGTERM)
        for sock in socks:
            # A Close of 1012, unmasked; it is answered, and then there is an end and no reset.
            head = sock.recv(2)
            assert head[0] == 0x88
            payload = sock.recv(head[1])
            assert payload[:2] == (1012).to_bytes(2, "big")
            sock.sendall(b"\x88\x82\0\0\0\0" + payload[:2])
            assert read_to_end(sock) == b""
            sock.close()  # or the server would linger for it
        assert server.wait() == 0
        assert server.out.count("closed 1012") == 50


# --- a TCP protocol on asyncio's loop ---------------------------------------------------------

PROTOCOL = """
import asyncio

class Slow(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        asyncio.get_running_loop().create_task(self.answer(data))

    async def answer(self, data):
        await asyncio.sleep(0.01)
        self.transport.write(data.upper())
        self.transport.close()
"""


def test_a_tcp_protocol_has_asyncios_running_loop(here):
    (here / "slow.py").write_text(PROTOCOL)
    with serving("slow:Slow", "--interface", "tcp", "--loop", "asyncio", cwd=here) as server:
        port = int(server.urls[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
            sock.sendall(b"hello")
            assert read_to_end(sock) == b"HELLO"
