"""A TCP protocol may leave out any method of asyncio.Protocol (docs/tcp.md)."""

from __future__ import annotations

import socket

import pytest
from processes import MODELS, read_to_end

# Each has one method only, except where it needs the transport.
CLASSES = """
class Made:
    def connection_made(self, transport):
        transport.write(b"made")
        transport.close()

class Greets:
    def connection_made(self, transport):
        transport.write(b"hello")

class Lost:
    def connection_lost(self, exc):
        print("lost", flush=True)

class Half:
    def connection_made(self, transport):
        self.transport = transport
    def eof_received(self):
        self.transport.write(b"half")
"""


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("name", "answer"), [("Made", b"made"), ("Greets", b"hello"), ("Lost", b""), ("Half", b"half")]
)
def test_what_is_left_out_is_not_called(serve, tmp_path, model, name, answer):
    (tmp_path / "partial_app.py").write_text(CLASSES)
    server = serve(f"partial_app:{name}", "--model", model, cwd=tmp_path)
    with server.connect() as sock:
        if name != "Made":
            sock.sendall(b"nobody takes this")
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == answer
    assert server.stop() == 0
    assert "Error" not in server.err
    assert ("lost" in server.out) == (name == "Lost")
