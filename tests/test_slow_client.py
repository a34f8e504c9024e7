"""A client that takes an answer slowly is no client that takes nothing, however large the kernel's
buffer is."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest
from processes import PATIENCE_S, eventually, serving

SIZE = 3_000_000
TIMEOUT_S = 0.5  # of the server
PIECE, PAUSE_S = 4096, 0.02  # 200 KB/s: a third of the buffer takes several times as long
STEADY_S = 3 * TIMEOUT_S
APP = f"""
from reactor import Response

def pieces(request):
    return Response(200, {{}}, iter([bytes({SIZE // 10})] * 10))
"""
TARGETS = {"a file": ".", "in pieces": "slow:pieces"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "slow.py").write_text(APP)
    (tmp_path / "big").write_bytes(bytes(SIZE))
    return tmp_path


def connect(server):
    sock = socket.socket()
    # A small window, so that what is not taken is in the server's kernel.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
    sock.settimeout(PATIENCE_S)
    sock.connect(server.address)
    sock.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return sock


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", ["reactor", "threads"])
def test_it_gets_all_of_it(target, model, folder):
    words = ("--model", model, f"--timeout-write={TIMEOUT_S}")
    with serving(TARGETS[target], *words, cwd=folder) as server, connect(server) as sock:
        received, began = 0, time.monotonic()
        while data := sock.recv(PIECE if time.monotonic() < began + STEADY_S else 1 << 16):
            received += len(data)
            if time.monotonic() < began + STEADY_S:
                time.sleep(PAUSE_S)
        assert received > SIZE


@pytest.mark.parametrize("model", ["reactor", "threads"])
def test_one_that_takes_nothing_is_let_go(model, folder):
    words = ("--model", model, "--timeout-write=0.3")
    with serving(".", *words, cwd=folder) as server, connect(server) as sock:
        eventually(lambda: "write-timeout" in server.err, "the client is given up")
        with suppress(ConnectionResetError):
            while sock.recv(1 << 16):
                pass
