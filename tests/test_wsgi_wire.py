"""WSGI applications behind a real server of each model: what only sockets can show."""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
from pathlib import Path
from wsgiref.validate import validator

import pytest
from processes import MODELS, eventually, exchange, serving

HERE = Path(__file__).parent
PLAIN = [("Content-Type", "text/plain")]
# 10,000 is what the specification of this server asks for; the default finds the same faults.
RESETS = int(os.environ.get("REACTOR_TEST_RESETS", "300"))


class Served:
    """Applications by path, for a server in another process: ``test_wsgi_wire:served``."""

    def __init__(self):
        self.closed = self.opened = 0
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        return getattr(self, environ["PATH_INFO"].strip("/"))(environ, start_response)

    def download(self, environ, start_response):
        start_response("200 OK", PLAIN)
        with self.lock:
            self.opened += 1
        return Download(self)

    def counts(self, environ, start_response):
        start_response("200 OK", PLAIN)
        return [f"{self.opened} {self.closed}".encode()]

    def multithread(self, environ, start_response):
        start_response("200 OK", PLAIN)
        return [str(environ["wsgi.multithread"]).encode()]

    def where(self, environ, start_response):
        start_response("200 OK", PLAIN)
        names = ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT")
        return [" ".join(environ[name] for name in names).encode()]

    def big_file(self, environ, start_response):
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](open(sys.executable, "rb"))

    @staticmethod
    @validator
    def validated(environ, start_response):
        body = environ["wsgi.input"]
        read = [body.read(2), body.readline(), *body]
        environ["wsgi.errors"].flush()
        start_response("200 OK", PLAIN)(b"written,")
        return iter([repr(read).encode(), b""])

    @staticmethod
    @validator
    def validated_list(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"list"]


class Download:
    """10 MiB in 640 pieces."""

    def __init__(self, owner):
        self.owner = owner

    def __iter__(self):
        return iter([bytes(16384)] * 640)

    def close(self):
        with self.owner.lock:
            self.owner.closed += 1


served = Served()


@pytest.fixture(scope="module", params=MODELS)
def server(request):
    with serving("test_wsgi_wire:served", "--model", request.param, cwd=HERE) as server:
        server.model = request.param
        yield server


def get(server, path, version=b"1.1", extra=b"", method=b"GET", body=b""):
    data = exchange(
        server.address,
        b"%s /%s HTTP/%s\r\nHost: a\r\nConnection: close\r\n%s\r\n%s"
        % (method, path, version, extra, body),
    )
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), data
    return body


def test_wsgiref_validate(server):
    body = b"one\ntwo\nthree"
    length = b"Content-Length: %d\r\n" % len(body)
    answer = get(server, b"validated", b"1.0", length, b"POST", body)
    assert answer == b"written,[b'on', b'e\\n', b'two\\n', b'three']"
    assert get(server, b"validated", b"1.0") == b"written,[b'', b'']"
    assert get(server, b"validated", method=b"HEAD") == b""
    assert get(server, b"validated_list") == b"list"
    assert get(server, b"validated_list", method=b"HEAD") == b""
    assert "AssertionError" not in server.err


def test_multithread_says_how_it_is_called(server):
    assert get(server, b"multithread") == str(server.model == "threads").encode()


def test_the_servers_and_the_clients_address(server):
    with server.connect() as sock:
        sock.sendall(b"GET /where HTTP/1.0\r\n\r\n")
        answer = sock.makefile("rb").read().partition(b"\r\n\r\n")[2].decode()
        host, port = sock.getsockname()
        assert answer == f"127.0.0.1 {server.port} {host} {port}"


def test_a_big_file(server):
    assert get(server, b"big_file") == Path(sys.executable).read_bytes()


def test_downloads_that_are_reset_are_closed(server):
    """At any offset the client may vanish: close() is called, no descriptor is left."""
    chance = random.Random(1)
    opened, closed = map(int, get(server, b"counts").split())
    assert opened == closed
    before = server.descriptors()
    for _ in range(RESETS):
        reset_download(server, chance)

    def all_closed():
        return get(server, b"counts").decode() == f"{opened + RESETS} {opened + RESETS}"

    eventually(all_closed, "every download is closed")
    eventually(lambda: server.descriptors() <= before, "no descriptor is left")


def reset_download(server, chance):
    with server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(b"GET /download HTTP/1.1\r\nHost: a\r\n\r\n")
        wanted = chance.choice([1, 100, 5_000, 70_000, 300_000, chance.randrange(2_000_000)])
        while wanted > 0:
            wanted -= len(sock.recv(min(wanted, 65536)))
