"""What applications and clients see of several workers: TLS, WebSockets, drain."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl

import pytest
from crew import answering, ask, children, crew, write_app
from pem_files import Pems
from processes import PATIENCE_S, eventually
from websocket_handshakes import head_of, opening

MORE = """
from reactor import WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

def websocket(request):
    if request.headers.get("upgrade"):
        return request.websocket(Echo)
    return app(request)

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] != "/long":
        return [b"%d x" % os.getpid()]
    return long_answer(environ["reactor.draining"])

def long_answer(is_draining):
    while not is_draining():
        yield b"."
        time.sleep(0.02)
    yield b"told"
"""


@pytest.fixture
def folder(tmp_path):
    write_app(tmp_path, more=MORE)
    return tmp_path


@pytest.mark.parametrize(
    "version",
    [pytest.param(ssl.TLSVersion.TLSv1_2, marks=pytest.mark.long), ssl.TLSVersion.TLSv1_3],
)
def test_a_session_of_one_worker_is_resumed_by_any(folder, version):
    """They have one key for tickets, which is made before the fork."""
    pems = Pems(folder)
    cert, key = pems.pair("localhost", "127.0.0.1")
    words = ("--workers", "4", "--ssl-certfile", cert, "--ssl-keyfile", key)
    context = ssl.create_default_context(cafile=pems.ca)
    context.minimum_version = context.maximum_version = version
    with crew(folder, *words) as server:
        eventually(lambda: len(children(server.pid)) == 5, "all are there")

        def visit(session):
            with (
                socket.create_connection(server.address, timeout=PATIENCE_S) as plain,
                context.wrap_socket(plain, server_hostname="localhost", session=session) as sock,
            ):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: sock.recv(4096), b""))
                return int(answer.split()[-2]), sock.session, sock.session_reused

        first, session, _ = visit(None)
        seen = [visit(session)[::2] for _ in range(100)]
    assert all(reused for _, reused in seen)
    assert len({pid for pid, _ in seen}) > 1


def test_a_websocket_is_told_1012_at_a_reload(folder):
    with crew(folder, "--workers", "2", target="crewed:websocket") as server:
        answering(server, 2)
        with server.connect() as sock:
            sock.sendall(opening(Host=f"127.0.0.1:{server.port}"))
            assert head_of(sock.recv(65_536))[2] == b""
            server.signal(signal.SIGHUP)
            frame = sock.recv(4, socket.MSG_WAITALL)
        assert (frame[0], frame[2:]) == (0x88, b"\x03\xf4")  # a Close frame, 1012: come again


@pytest.mark.parametrize("model", ["reactor", pytest.param("threads", marks=pytest.mark.long)])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_an_application_is_told_of_a_drain(folder, model, number):
    words = ("--workers", "2", "--model", model)
    with crew(folder, *words, target="crewed:wsgi") as server:
        answering(server, 2)
        with server.connect() as sock:
            sock.sendall(b"GET /long HTTP/1.0\r\nHost: a\r\n\r\n")
            assert sock.recv(1)
            server.signal(number)
            answer = b"".join(iter(lambda: sock.recv(4096), b""))
        assert answer.endswith(b"told")
        if number == signal.SIGTERM:
            assert server.wait() == 0


def test_certificates_are_read_again_at_a_reload(folder):
    pems = Pems(folder)
    cert, key = pems.pair("localhost", "127.0.0.1")
    words = ("--workers", "2", "--ssl-certfile", cert, "--ssl-keyfile", key)

    def serial():
        context = ssl.create_default_context(cafile=pems.ca)
        with (
            socket.create_connection(server.address, timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sock,
        ):
            return sock.getpeercert()["serialNumber"]

    with crew(folder, *words) as server:
        eventually(lambda: len(children(server.pid)) == 3, "all are there")
        before = serial()
        other_cert, other_key = pems.pair("other.example", "localhost", "127.0.0.1")
        os.replace(other_cert, cert)
        server.signal(signal.SIGHUP)
        eventually(lambda: "reloaded: 2" in server.err, "it reloads")
        assert re.search(f"{re.escape(key)} is not the key of {re.escape(cert)}", server.err)
        assert {serial() for _ in range(6)} == {before}
        os.replace(other_key, key)
        server.signal(signal.SIGHUP)
        eventually(lambda: server.err.count("reloaded: 2") == 2, "it reloads again")
        assert before not in {serial() for _ in range(6)}


@pytest.mark.long
def test_two_hundred_reloads_leave_nothing_behind(folder):
    with crew(folder, "--workers", "2") as server:
        answering(server, 2)
        for count in range(1, 201):
            server.signal(signal.SIGHUP)
            eventually(lambda count=count: server.err.count("reloaded: 2") >= count, "it reloads")
            if count == 20:
                eventually(lambda: len(children(server.pid)) == 3, "the old ones are gone")
                opened, memory = len(server.open_descriptors()), server.status("VmRSS")
        eventually(lambda: len(children(server.pid)) == 3, "the old ones are gone")
        eventually(lambda: len(server.open_descriptors()) == opened, "so are their descriptors")
        assert server.status("VmRSS") - memory < 1000
        assert server.status("Threads") == 1


LOGGING_THREAD = """
import logging, logging.handlers, queue, threading
from crewed import app as plain
listener = logging.handlers.QueueListener(queue.SimpleQueue(), logging.StreamHandler())
listener.start()
lock = threading.Lock()
def hold():
    while True:
        with lock:
            pass
threading.Thread(target=hold, daemon=True, name="holder").start()

def app(request):
    with lock:  # a fork that had copied it would hang here
        return plain(request)
"""


@pytest.mark.parametrize("times", [2, pytest.param(40, marks=pytest.mark.long)])
def test_an_import_with_threads_never_hangs_a_worker(folder, times):
    (folder / "logs.py").write_text(LOGGING_THREAD)
    with crew(folder, "--workers", "2", target="logs:app") as server:
        before = set()
        for _ in range(times):
            before |= answering(server, 2, without=before)
            server.signal(signal.SIGHUP)
        answering(server, 2, without=before)
        assert "the import has started threads" in server.err
        assert "holder" in server.err


AHEAD = """
import os, sys
from reactor import Response
there = []
os.register_at_fork(after_in_child=lambda: there.append(set(sys.modules)))

def native(request):
    return Response(200, {}, answer())

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer()})

def answer():
    late = set(sys.modules) - there[-1]
    return b"%d %s" % (os.getpid(), ",".join(sorted(late)).encode())
"""


@pytest.mark.parametrize(
    ("name", "more"), [("native", ()), ("asgi", ()), ("native", ("--static", "/public=."))]
)
def test_a_mold_has_imported_what_its_workers_need(folder, name, more):
    """Else each of them would import it for itself, asyncio for example."""
    (folder / "ahead.py").write_text(AHEAD)
    words = ("--workers", "2", "--lifespan", "off", *more)
    with crew(folder, *words, target=f"ahead:{name}") as server:
        assert ask(server)[1] == ""


ECHO = """
import os
from reactor import Protocol

class Echo(Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(b"%d %s" % (os.getpid(), data))
"""


def test_a_tcp_protocol_and_a_folder_have_workers_too(folder):
    (folder / "echoing.py").write_text(ECHO)
    with crew(folder, "--workers", "2", target="echoing:Echo") as server:
        assert server.url.startswith("tcp://")
        seen = set()

        def both():
            with server.connect() as sock:
                sock.sendall(b"hello")
                pid, _, data = sock.recv(100).partition(b" ")
                assert data == b"hello"
                seen.add(pid)
            return len(seen) == 2

        eventually(both, "both have answered")
    (folder / "note.txt").write_text("a note\n")
    with crew(folder, "--workers", "2", target=folder) as server, server.connect() as sock:
        sock.sendall(b"GET /note.txt HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b"".join(iter(lambda: sock.recv(4096), b"")).endswith(b"a note\n")
