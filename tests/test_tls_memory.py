"""What a client costs over TLS that asks for 100 MB and reads nothing: in a process of its own,
that has served others before."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from pem_files import Pems
from processes import PATIENCE_S, eventually, serving

BIG = 100_000_000
CLIENTS = 4
KIB_MAX = 256  # each; the layer between connection and protocol of once took 98,000
APPS = f"""
from reactor import Response

def pieces():
    return (b"x" * 65536 for _ in range({BIG} // 65536))

def native(request):
    return Response(200, {{}}, pieces())

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return pieces()

async def asgi(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    for piece in pieces():
        await send({{"type": "http.response.body", "body": piece, "more_body": True}})
    await send({{"type": "http.response.body", "body": b""}})
"""
GET = b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    (folder / "apps.py").write_text(APPS)
    with (folder / "big").open("wb") as file:
        file.truncate(BIG)
    pems = Pems(folder)
    return folder, pems, pems.pair("localhost")


def own_kib(server):
    """What is the process's alone: pages of files that it has mapped are not counted."""
    text = Path(f"/proc/{server.pid}/status").read_text("ascii")
    return int(re.search(r"^RssAnon:\s*(\d+)", text, re.MULTILINE)[1])


def connected(pems, server):
    sock = socket.socket()
    sock.settimeout(PATIENCE_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(server.address)
    return pems.trusting().wrap_socket(sock, server_hostname="localhost")


@pytest.mark.parametrize("target", [".", "apps:native", "apps:wsgi", "apps:asgi"])
def test_a_client_that_reads_nothing_costs_little(target, places):
    folder, pems, (cert, key) = places
    words = ("--ssl-certfile", cert, "--ssl-keyfile", key)

    def turns():
        """Handshakes of others: the server has a turn for each of their messages."""
        for _ in range(20):
            connected(pems, server).close()

    with serving(target, *words, cwd=folder) as server, ExitStack() as ending:
        quiet = len(server.sockets())
        # The first ones bring modules, and memory that is kept for those behind them.
        with connected(pems, server) as sock:
            sock.sendall(GET)
            for _ in range(100):
                assert sock.recv(16384)
            turns()
        eventually(lambda: len(server.sockets()) == quiet, "they have gone")
        before = own_kib(server)
        for _ in range(CLIENTS):
            sock = ending.enter_context(connected(pems, server))
            sock.sendall(GET)
            assert sock.recv(10)
        turns()
        assert own_kib(server) - before <= CLIENTS * KIB_MAX
