"""What users of other ASGI servers have reported, each done here; what is not in another file."""

import asyncio
import contextlib
import gc
import socket
import time

import pytest
from asgi_driven import answering, driven
from driven import GET, get, statuses
from processes import PATIENCE_S, eventually, read_to_end, serving

START = {"type": "http.response.start", "status": 200, "headers": []}
RESET = b"\x01\0\0\0\0\0\0\0"


def piece(data, more=True):
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_who_polls_in_a_cancelled_scope_sees_the_disconnect():
    # vllm-mlx#457: Starlette's is_disconnected() cancels itself, and then awaits receive().
    seen = []

    async def app(scope, receive, send):
        await receive()
        for _ in range(50):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.create_task(receive_in_a_cancelled_task(receive))
            await asyncio.sleep(0)

    async def receive_in_a_cancelled_task(receive):
        asyncio.current_task().cancel()
        seen.append((await receive())["type"])

    with driven(app) as d:
        d.feed(GET)
        assert seen == []
        d.lose()
        d.turns(120)
        assert seen
        assert set(seen) == {"http.disconnect"}


def test_a_client_that_leaves_halfway_never_cancels_its_request():
    # gunicorn#3484, granian#286: CancelledError within a pool of a database.
    finished, cancelled = [], []

    async def app(scope, receive, send):
        try:
            await receive()
            await gates[-1].wait()
            for message in answering():
                await send(message)
            finished.append(True)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    gates = []
    with driven(app) as d:
        for _ in range(200):
            gates.append(asyncio.Event())
            d.connect()
            d.feed(GET)
            d.lose()
            gates[-1].set()
            d.turns()
        assert (len(finished), cancelled) == (200, [])
        assert not d.app.going
        assert d.journal.failures == []


def test_an_old_timer_ends_no_connection():
    # uvicorn#824: the keep-alive time of the answer before ended a slow stream.
    async def app(scope, receive, send):
        await send(START)
        for _ in range(4):
            await send(piece(b"x"))
            await event.wait()
        await send(piece(b"", False))

    event = asyncio.Event()
    with driven(app) as d:
        d.feed(GET + GET)
        assert d.transport.deadline is None
        event.set()
        d.turns(30)
        sent = d.transport.take()
        assert sent.count(b"HTTP/1.1 200 OK") + 1 == 2
        assert not d.transport.closed


def test_a_context_variable_of_an_upload_does_not_reach_the_pipelined_request():
    # uvicorn#2167, cpython#140947.
    import contextvars

    variable = contextvars.ContextVar("variable", default="default")
    seen = []

    async def app(scope, receive, send):
        seen.append(variable.get())
        variable.set("leaked")
        while (await receive()).get("more_body"):
            pass
        for message in answering():
            await send(message)

    with driven(app) as d:
        d.feed(get(b"/", b"Content-Length: 300000\r\n", b"POST"))
        for _ in range(4):
            d.feed(b"x" * 65536)
        d.feed(b"x" * (300000 - 4 * 65536) + GET + GET)
        d.turns(20)
    assert seen == ["default"] * 3


def test_a_collection_at_every_turn_loses_no_request():
    # uvicorn#972: the loop knows its tasks weakly.
    async def app(scope, receive, send):
        future = asyncio.get_running_loop().create_future()
        waiting.append(future)
        await future
        for message in answering():
            await send(message)

    waiting = []
    with driven(app) as d:
        machines = []
        for _ in range(100):
            d.connect()
            d.feed(GET)
            machines.append(d.transport)
            gc.collect(1)
        gc.collect()
        while waiting:
            waiting.pop().set_result(None)
            d.turns(1)
        d.turns()
        assert all(transport.take().startswith(b"HTTP/1.1 200") for transport in machines)


def test_connection_close_and_then_a_pipelined_request():
    # uvicorn#2238: one answer, then the end.
    async def app(scope, receive, send):
        await asyncio.sleep(0)
        for message in answering():
            await send(message)

    with driven(app) as d:
        assert len(statuses(d.feed(get(b"/", b"Connection: close\r\n") + GET))) == 1
        assert d.transport.closed


SITE = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("only http")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        if scope["path"] == "/large":
            piece = {"type": "http.response.body", "body": b"x" * 1000000, "more_body": True}
            for _ in range(1000):
                await send(piece)
        await send({"type": "http.response.body", "body": b"done"})
    except OSError:
        print("raised", flush=True)
        raise
"""


@pytest.fixture
def served(tmp_path):
    (tmp_path / "site_of_it.py").write_text(SITE)
    with serving("site_of_it:app", "--no-access-log", cwd=tmp_path) as server:
        yield server


@pytest.mark.parametrize("reset", [False, True])
def test_a_large_stream_ends_when_its_client_does(served, reset):
    # starlette#297, uvicorn#336: send raises, and memory does not grow meanwhile.
    before = served.status("VmRSS")
    with served.connect() as sock:
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        taken = 0
        while taken < 1_000_000:
            taken += len(sock.recv(65536))
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    eventually(lambda: "raised" in served.out, "send raises")
    assert served.status("VmRSS") - before < 20_000
    assert "ERROR" not in served.err


def test_keep_alive_connections_that_are_reset_leave_nothing(served):
    # uvicorn#1226: CLOSE_WAIT.
    eventually(lambda: len(served.sockets()) == 3, "nobody is connected")
    before = len(served.open_descriptors())
    for _ in range(300):
        with served.connect() as sock:
            sock.sendall(GET)
            assert sock.recv(65536).endswith(b"done")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    eventually(lambda: len(served.open_descriptors()) == before, "all are given back")


def test_a_slow_client_of_a_stream_beside_a_fast_one(served):
    with served.connect() as slow, served.connect() as fast:
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert slow.recv(10)
        began = time.monotonic()
        fast.sendall(GET[:-2] + b"Connection: close\r\n\r\n")
        assert read_to_end(fast).endswith(b"done")
        assert time.monotonic() - began < PATIENCE_S


@pytest.mark.parametrize("waits", [False, True])
def test_who_holds_the_loop_up_is_named(tmp_path, waits):
    (tmp_path / "slow.py").write_text(f"""
import asyncio, time

async def blocking(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("only http")
    if {waits}:
        await asyncio.sleep(0)
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        pass
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"done"}})
""")
    with serving("slow:blocking", cwd=tmp_path) as server, server.connect() as sock:
        sock.sendall(GET[:-2] + b"Connection: close\r\n\r\n")
        assert read_to_end(sock).endswith(b"done")
        eventually(lambda: "(blocking)" in server.err, "the function is named")
        assert "asyncio.to_thread" in server.err
