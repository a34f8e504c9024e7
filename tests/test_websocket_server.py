"""WebSockets on a server that runs: the chat of the docs, a stop, slow peers, floods."""

import re
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import eventually, serving
from websocket_clients import Client
from websockets_driven import PING, PONG, of_client

PAGE = Path(__file__).resolve().parent.parent / "docs" / "websocket.md"

APP = """
from reactor import WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        if data == "raise":
            raise ValueError("an application that fails")
        self.send(data)

class Pours(WebSocket):
    piece = b"x" * 65536
    left = LEFT

    def on_message(self, data):
        self.pour()

    def on_room(self):
        self.pour()

    def pour(self):
        while self.room and self.left > 0:
            self.left -= len(self.piece)
            self.send(self.piece)

def app(request):
    return request.websocket(Pours if request.path == "/pour" else Echo)
"""


@contextmanager
def serving_sockets(folder, **options):
    (folder / "sockets.py").write_text(APP.replace("LEFT", str(10 << 30)))
    with serving("sockets:app", "--timeout-write=2", cwd=folder, **options) as server:
        yield server


ASYNCHRONOUS = """
import asyncio
from reactor import WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        asyncio.get_running_loop().call_soon(self.send, data)

async def app(request):
    if request.path == "/later":
        await asyncio.sleep(0)
    return request.websocket(Echo, subprotocols=["a"])
"""


@pytest.mark.parametrize("path", ["/now", "/later"])
def test_an_asynchronous_handler_opens_one(tmp_path, path):
    (tmp_path / "later.py").write_text(ASYNCHRONOUS)
    with serving("later:app", cwd=tmp_path) as server:
        with Client(server.port, path, Sec_WebSocket_Protocol="b, a") as client:
            assert b"Sec-WebSocket-Protocol: a\r\n" in client.head + b"\r\n"
            client.send("hello")
            assert client.text() == "hello"
        with Client(server.port, path, Upgrade=None) as client:
            assert client.status == 426


@pytest.fixture
def server(tmp_path):
    with serving_sockets(tmp_path) as server:
        yield server


def test_the_chat_of_the_docs(tmp_path):
    code = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)[1]
    (tmp_path / "chat.py").write_text(code)
    with serving("chat:app", cwd=tmp_path) as server:
        with Client(server.port, "/chat") as ann, Client(server.port, "/chat") as bob:
            ann.send("hello")
            assert [ann.text(), bob.text()] == ["hello", "hello"]
            bob.send("héllo")
            assert [ann.text(), bob.text()] == ["héllo", "héllo"]
        with Client(server.port, "/chat") as cay:
            cay.send("alone")
            assert cay.text() == "alone"
        with Client(server.port, "/", Upgrade=None) as page:
            assert page.status == 200


def test_a_stop_says_1012_to_each(server):
    clients = [Client(server.port) for _ in range(100)]
    for client in clients:
        client.send("here")
        client.text()
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    assert {client.closed() for client in clients} == {(1012, "the server stops")}
    assert server.wait() == 0
    assert time.monotonic() - began < 10 * 2


def test_an_exception_ends_one_and_no_other(tmp_path):
    with serving_sockets(tmp_path, traceback_expected=True) as server:
        with Client(server.port) as first, Client(server.port) as second:
            first.send("raise")
            assert first.closed() == (1011, "the application failed")
            second.send("still here")
            assert second.text() == "still here"
        eventually(lambda: "an application that fails" in server.err, "it is in the log")


def test_one_that_never_reads_takes_no_memory(server):
    def resident():
        return server.status("VmRSS") * 1024

    with Client(server.port) as warm:
        warm.send("warm")
        warm.text()
        before = resident()
        with Client(server.port, "/pour") as slow:
            slow.send("go")
            # The kernel takes some, then no more; then it is given up.
            eventually(lambda: len(server.sockets()) < 3, "the peer that takes nothing is let go")
            assert resident() - before < 1 << 20
        warm.send("alive")
        assert warm.text() == "alive"


def test_pings_are_answered_while_a_message_comes_in_parts(server):
    with Client(server.port) as client:
        client.sock.sendall(of_client(1, b"a", fin=False) + of_client(PING, b"?"))
        assert client.frame() == (PONG, b"?")
        client.sock.sendall(of_client(0, b"b"))
        assert client.text() == "ab"


def test_a_cut_is_told_and_nothing_is_left(server):
    for _ in range(50):
        with Client(server.port) as client:
            client.send("x")
            client.text()
    eventually(lambda: len(server.sockets()) == 1, "only the listener is left")
