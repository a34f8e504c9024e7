"""A KeyboardInterrupt of a signal ends what runs; one of an application's own does not.

Nor does what else an application raises, or asks of the loop: all who are served go on.
"""

import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from processes import MODELS, PATIENCE_S, environment, eventually, exchange, serving
from websocket_clients import Client

import reactor
from reactor.loop import Loop
from reactor.process.interrupts import SignalInterrupt, is_from_a_signal, raises_no_other

GET = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
APPS = """
import asyncio, os, signal, threading, time
from reactor import Response, WebSocket

KINDS = {"interrupt": KeyboardInterrupt, "exit": SystemExit, "generator": GeneratorExit,
         "cancel": asyncio.CancelledError}

class Fatal(BaseException):
    pass

KINDS["fatal"] = Fatal

def fail(path):
    kind = path.rstrip("/").rpartition("/")[2]
    if kind in KINDS:
        raise KINDS[kind]("of the application")

def native(request):
    if request.path.startswith("/stream"):
        return Response(200, {}, pieces(request.path))
    if request.path.startswith("/later"):
        exchange = request.exchange
        exchange.on_disconnect = lambda: fail(request.path)
        return exchange
    if request.path.startswith("/socket"):
        return request.exchange.websocket(Socket)
    fail(request.path)
    return Response(200, {}, b"fine")

class Socket(WebSocket):
    def on_message(self, data):
        fail("/" + data)
        self.send(data)

def pieces(path):
    yield b"piece"
    fail(path)
    yield b"end"

def wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [])
    if path.startswith("/stream"):
        return pieces(path)
    fail(path)
    return [b"fine"]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shut down in order", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        fail("/" + message["text"])
        return
    path = scope["path"]
    await asked(path)
    await send({"type": "http.response.start", "status": 200})
    if path.startswith("/stream"):
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        fail(path)
    await send({"type": "http.response.body", "body": b"fine"})

async def asked(path):
    loop = asyncio.get_running_loop()
    if path.startswith("/wait"):
        await asyncio.sleep(0.001)
    if path.startswith("/stop"):
        loop.stop()
    if path == "/stop/soon":
        loop.call_soon(loop.stop)
        await asyncio.sleep(0.001)
    if path.startswith("/task"):
        asyncio.ensure_future(background(path))
        await asyncio.sleep(0.001)
    elif path.startswith("/callback"):
        loop.call_soon(fail, path)
        await asyncio.sleep(0.001)
    elif path.startswith("/child"):
        await asyncio.ensure_future(background(path))
    elif not path.startswith("/stream"):
        fail(path)

async def background(path):
    fail(path)

async def native_async(request):
    await asked(request.path)
    return Response(200, {}, b"fine")

class Tcp:
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        fail("/" + data.decode())
        self.transport.write(data)
        self.transport.close()

class Unmade:
    failed = False
    def __new__(cls):
        if not cls.failed:
            cls.failed = True
            raise KeyboardInterrupt
        return Tcp()
    def data_received(self, data):
        pass

def blocks(environ, start_response):
    while True:
        time.sleep(0.01)
"""
KINDS = ["interrupt", "exit", "generator", "cancel", "fatal"]
ALL = ["native", "wsgi", "asgi", "native_async"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "apps.py").write_text(APPS)
    return tmp_path


@contextmanager
def serving_apps(folder, name, *options):
    with serving(f"apps:{name}", *options, cwd=folder, traceback_expected=True) as server:
        yield server
        if server.process.poll() is None:
            assert exchange(server.address, GET % b"/fine").endswith(b"fine")


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, ()) for name in ALL), ("wsgi", ("--model", "threads")), ("asgi", ("-w", "2")),
     ("wsgi", ("-w", "2"))],
)  # fmt: skip
def test_whatever_an_application_raises_is_its_requests_end_only(folder, name, options):
    ways = ["", "/wait", "/stream"] if name in {"asgi", "native_async"} else ["", "/stream"]
    with serving_apps(folder, name, *options) as server, server.connect() as waits:
        waits.sendall(b"GET /fine HTTP/1.1\r\n")  # under way meanwhile
        for way in ways:
            for kind in KINDS:
                answer = exchange(server.address, GET % f"{way}/{kind}".encode())
                if way == "/stream" and name != "native_async":
                    assert answer.startswith(b"HTTP/1.1 200 ")
                    assert b"piece" in answer
                    assert not answer.endswith(b"0\r\n\r\n")
                elif way != "/stream":
                    assert answer.startswith(b"HTTP/1.1 500 ")
        waits.sendall(b"Host: a\r\nConnection: close\r\n\r\n")
        assert waits.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert server.stop() == 0
    assert "KeyboardInterrupt: of the application" in server.err
    assert "GeneratorExit: of the application" in server.err
    assert f"apps:{name}" in server.err
    assert "never retrieved" not in server.err
    assert "__name__" not in server.err
    if name == "asgi":
        assert "shut down in order" in server.out


@pytest.mark.parametrize("way", ["/task", "/callback", "/child"])
@pytest.mark.parametrize("name", ["asgi", "native_async"])
def test_so_is_what_its_tasks_and_callbacks_raise(folder, name, way):
    with serving_apps(folder, name) as server, server.connect() as waits:
        waits.sendall(b"GET /fine HTTP/1.1\r\n")
        for kind in KINDS:
            answer = exchange(server.address, GET % f"{way}/{kind}".encode())
            if way == "/child":
                assert answer.startswith((b"HTTP/1.1 500 ", b"HTTP/1.1 200 "))
            else:
                assert answer.endswith(b"fine")
        waits.sendall(b"Host: a\r\nConnection: close\r\n\r\n")
        assert waits.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert server.stop() == 0
    assert "while running a task or a callback of the application" in server.err
    assert "KeyboardInterrupt: of the application" in server.err
    assert "SystemExit: of the application" in server.err


@pytest.mark.parametrize("path", ["/stop/now", "/stop/soon"])
@pytest.mark.parametrize("name", ["asgi", "native_async"])
def test_an_application_does_not_stop_the_loop_that_serves(folder, name, path):
    with serving_apps(folder, name) as server, server.connect() as waits:
        waits.sendall(b"GET /fine HTTP/1.1\r\n")
        assert exchange(server.address, GET % path.encode()).endswith(b"fine")
        waits.sendall(b"Host: a\r\nConnection: close\r\n\r\n")
        assert waits.recv(1000).startswith(b"HTTP/1.1 200 ")
        eventually(lambda: "is ignored" in server.err, "it is said")
        assert server.stop() == 0
    said = [line for line in server.err.splitlines() if "loop.stop()" in line]
    assert "apps.py:" in said[0]
    assert "(asked)" in said[0]
    assert "SIGTERM" in said[0]
    if path == "/stop/soon":
        assert "by a callback of the application" in said[1]
    if name == "asgi":
        assert "shut down in order" in server.out


LIFE = """
import asyncio
async def stops(scope, receive, send):
    loop = asyncio.get_running_loop()
    if scope["type"] == "lifespan":
        await receive()
        loop.stop()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        loop.stop()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"fine"})

async def interrupts(scope, receive, send):
    await receive()
    raise KeyboardInterrupt("at the start")

async def at_the_end(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise KeyboardInterrupt("at the end")

async def while_it_is_cancelled(scope, receive, send):
    async def task():
        try:
            await asyncio.sleep(1000)
        finally:
            asyncio.get_running_loop().stop()
            raise KeyboardInterrupt
    if scope["type"] == "lifespan":
        await receive()
        global background
        background = asyncio.create_task(task())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
"""


def test_a_lifespan_does_not_stop_it_either(tmp_path):
    (tmp_path / "life.py").write_text(LIFE)
    with serving("life:stops", cwd=tmp_path) as server:
        assert exchange(server.address, GET % b"/").endswith(b"fine")
        assert server.stop() == 0
    assert server.err.count("is ignored") == 2


def test_a_lifespan_that_raises_has_failed(tmp_path):
    (tmp_path / "life.py").write_text(LIFE)
    with serving("life:interrupts", cwd=tmp_path, announced=False, traceback_expected=True) as it:
        assert it.wait() == 3
    assert "life:interrupts failed while it started: KeyboardInterrupt: at the start" in it.err
    with serving("life:at_the_end", cwd=tmp_path, traceback_expected=True) as it:
        assert it.stop() == 1
    assert "KeyboardInterrupt: at the end" in it.err


def test_the_end_of_tasks_is_the_servers_in_any_case(tmp_path):
    (tmp_path / "life.py").write_text(LIFE)
    with serving("life:while_it_is_cancelled", cwd=tmp_path, traceback_expected=True) as it:
        assert it.stop() == 0
    assert "ending the tasks of the application" in it.err


@pytest.mark.parametrize("options", [(), ("--model", "threads"), ("--loop", "asyncio")])
def test_so_is_what_a_tcp_protocol_raises(folder, options):
    with serving("apps:Tcp", *options, cwd=folder, traceback_expected=True) as server:
        for kind in KINDS:
            assert exchange(server.address, kind.encode()) == b""
            assert exchange(server.address, b"hello") == b"hello"
    assert "KeyboardInterrupt: of the application" in server.err


@pytest.mark.parametrize("model", MODELS)
def test_a_protocol_that_cannot_be_made_for_an_interrupt_costs_its_client_only(folder, model):
    with serving("apps:Unmade", "--model", model, "--interface", "tcp", cwd=folder,
                 traceback_expected=True) as server:  # fmt: skip
        assert exchange(server.address, b"") == b""
        assert exchange(server.address, b"hello") == b"hello"


@pytest.mark.parametrize("name", ["native", "asgi"])
def test_a_websocket_that_raises_is_closed(folder, name):
    with serving_apps(folder, name) as server:
        for kind in KINDS:
            with Client(server.port, "/socket") as client:
                client.send(kind)
                assert client.closed()[0] == 1011
    assert "KeyboardInterrupt: of the application" in server.err
    assert "CancelledError: of the application" in server.err
    assert "never retrieved" not in server.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_passes_through_an_application(folder, number):
    with serving("apps:blocks", cwd=folder) as server, server.connect() as client:
        client.sendall(GET % b"/")
        eventually(lambda: "loop blocked" in server.err, "it is known to block")
        server.signal(number)
        eventually(lambda: "stopping: waiting for" in server.err, "the first one was heard")
        server.signal(number)
        assert server.wait() == 128 + number


USERS = """
import signal, sys, threading
import reactor

def app(request):
    print("called", flush=True)
    while True:
        pass

class Tcp:
    def data_received(self, data):
        app(None)

loop = reactor.Reactor()
listener = loop.listen(reactor.Inet("127.0.0.1", 0), Tcp)
print(f"Serving on tcp://127.0.0.1:{listener.addresses[0].port}", flush=True)
try:
    loop.run()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    loop.close()
    sys.exit(7)
"""


def test_with_pythons_own_handler_ctrl_c_ends_a_users_loop(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", USERS], env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        port = int(process.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"x")
            assert process.stdout.readline() == "called\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 7
        assert process.stdout.readline() == "interrupted\n"


def test_in_a_thread_of_its_own_a_server_contains_it():
    def app(request):
        if request.path == "/fine":
            return reactor.Response(200, {}, b"fine")
        raise KeyboardInterrupt

    get = GET.replace(b"Host: a", b"Host: localhost")
    with reactor.Server(app, port=0) as server:
        address = server.sockets[0].getsockname()
        assert exchange(address, get % b"/").startswith(b"HTTP/1.1 500 ")
        assert exchange(address, get % b"/fine").endswith(b"fine")


# --- whose it is --------------------------------------------------------------------------


@contextmanager
def handled_by(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signals_is_one_for_certain_or_one_under_another_handler():
    assert is_from_a_signal(SignalInterrupt())
    assert not is_from_a_signal(SystemExit())
    assert not is_from_a_signal(ValueError())
    with handled_by(signal.default_int_handler):
        assert is_from_a_signal(KeyboardInterrupt())
    with handled_by(lambda number, frame: None):
        assert is_from_a_signal(KeyboardInterrupt())
    with handled_by(raises_no_other(lambda number, frame: None)):
        assert not is_from_a_signal(KeyboardInterrupt())
        assert is_from_a_signal(SignalInterrupt())


def test_in_another_thread_no_handler_raises_any():
    found = []
    with handled_by(signal.default_int_handler):
        told = threading.Thread(target=lambda: found.append(is_from_a_signal(KeyboardInterrupt())))
        told.start()
        told.join()
    assert found == [False]


def test_a_callback_of_a_loop_that_hears_sigint_itself_is_contained(caplog):
    def interrupts():
        raise KeyboardInterrupt

    with Loop() as loop:
        loop.on_signal(signal.SIGINT, loop.stop)
        loop.call_soon(interrupts)
        loop.call_soon(loop.call_soon, loop.stop)
        loop.run()
    [record] = caplog.records
    assert record.exc_info[0] is KeyboardInterrupt
