"""A client that goes in the middle of a stream is no fault of the application's: nothing is logged,
whatever the application makes of it. Over TCP and over TLS, half-closed and reset."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

import pytest
from pem_files import Pems
from processes import PATIENCE_S, eventually, serving

SITE = """
import asyncio, time

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("only http")
    name = scope["path"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"piece", "more_body": True})
            if "waits" in name:
                await asyncio.sleep(0.001)
            else:
                time.sleep(0.001)  # the loop reads nothing: a send is the first to see it
    except OSError:
        if "raises" in name:
            raise
        if "fails" in name:
            raise KeyError("of its own")
    finally:
        print("ended", name, flush=True)
"""
RESET = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    return Pems(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module", params=["tcp", "tls"])
def site(request, pems, tmp_path_factory):
    """(a server, a connection to it)"""
    folder = tmp_path_factory.mktemp("site")
    (folder / "going.py").write_text(SITE)
    options = ["--no-access-log"]
    if request.param == "tls":
        certificate, key = pems.pair("localhost", "127.0.0.1")
        options += ["--ssl-certfile", certificate, "--ssl-keyfile", key]

    def connect():
        sock = socket.create_connection(server.address, PATIENCE_S)
        if request.param == "tcp":
            return sock
        return pems.trusting().wrap_socket(sock, server_hostname="localhost")

    with serving("going:app", *options, cwd=folder) as server:
        yield server, connect


@pytest.mark.parametrize("half_closed", [False, True], ids=["reset", "half-closed-first"])
@pytest.mark.parametrize("path", ["returns", "raises", "fails", "returns-waits", "raises-waits"])
def test_nothing_is_logged_of_a_client_that_goes(site, path, half_closed):
    server, connect = site
    target, before = f"/{path}/{half_closed}", len(server.err)
    with connect() as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert sock.recv(12) == b"HTTP/1.1 200"
        if half_closed:
            end_our_side(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    eventually(lambda: f"ended {target}\n" in server.out, "the stream ends")
    with connect() as sock:  # what it had to say of the first is said by now
        sock.sendall(b"GET /raises HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"
    assert "ERROR" not in server.err[before:]
    assert "Traceback" not in server.err[before:]


def end_our_side(sock):
    """The other side goes on being read a while."""
    if not hasattr(sock, "unwrap"):
        sock.shutdown(socket.SHUT_WR)
        sock.recv(100)
        return
    sock.settimeout(0)
    with suppress(OSError):  # close_notify is sent; the server's is not waited for
        sock.unwrap()
