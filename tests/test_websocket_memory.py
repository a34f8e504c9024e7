"""What an idle WebSocket holds."""

import os
import socket
from contextlib import ExitStack

import pytest
from processes import PATIENCE_S, serving
from websocket_handshakes import opening
from websockets_driven import of_client

from reactor.http.deflate import OFFER, Deflater

APP = """
from reactor import WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

def app(request):
    return request.websocket(Echo)

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
"""
WARM, MORE = 150, 600  # a process has 1,024 descriptors where nobody has raised that


def opened(stack, server, frame, **fields):
    """One more, whose echo has come."""
    sock = stack.enter_context(socket.create_connection(server.address, PATIENCE_S))
    sock.sendall(opening(Host=f"127.0.0.1:{server.port}", **fields) + frame)
    answer = b""
    while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101 ")


def bytes_of_one(folder, frame, app="app", **fields):
    (folder / "sockets.py").write_text(APP)
    words = (f"sockets:{app}", "--no-access-log", "--ws-ping-interval=0")
    with serving(*words, cwd=folder) as server, ExitStack() as stack:
        for _ in range(WARM):
            opened(stack, server, frame, **fields)
        before = server.status("VmRSS")
        for _ in range(MORE):
            opened(stack, server, frame, **fields)
        return (server.status("VmRSS") - before) * 1024 / MORE


sanitized = pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer's allocator pads each block"
)


@sanitized
def test_a_plain_one(tmp_path):
    assert bytes_of_one(tmp_path, of_client(1, b"hello")) <= 2 * 1024


@sanitized
def test_one_of_an_asgi_application(tmp_path):
    frame = of_client(1, b"hello")
    assert bytes_of_one(tmp_path, frame, "asgi", User_Agent="test/1.0") <= 5 * 1024


@sanitized
def test_one_that_has_deflated_and_inflated(tmp_path):
    frame = of_client(1, Deflater(12, False).deflate(b"hello" * 100), deflated=True)
    found = bytes_of_one(tmp_path, frame, Sec_WebSocket_Extensions=OFFER)
    assert 10 * 1024 < found <= 70 * 1024
