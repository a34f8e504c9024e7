"""What the tests of ``reactor get`` share: the command run in this process, and servers that
answer it as a test says."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from dataclasses import dataclass

import pytest
from processes import PATIENCE_S, eventually

from reactor.cli import main
from reactor.limits import CLIENT_LIMITS

BIG = bytes(range(256)) * 1024
DATE = "Mon, 23 Nov 2026 15:51:40 GMT"
NOW = "Mon, 23 Nov 2026 16:51:40 GMT"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


def files(folder):
    return sorted(os.listdir(folder))


def answer(body=b"body", status="200 OK", *fields):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


class Server:
    """Answers each request by ``respond(path, head)``, on as many connections as come.

    ``respond`` gives the bytes to send, after which the connection ends; None ends it at once.
    What was asked is in ``asked``. ``hold`` may be waited for before a byte is sent.
    """

    def __init__(self, respond, context=None):
        self.respond = respond
        self._context = context
        self.asked = []
        self.hold = threading.Event()
        self._clients = []
        self._ended = contextlib.ExitStack()
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,))
                thread.start()
                self._clients.append(thread)

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            client.settimeout(PATIENCE_S)
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
                self._ended.callback(client.close)
            request = b""
            while b"\r\n\r\n" not in request:
                data = client.recv(4096)
                if not data:
                    return
                request += data
            head, _, body = request.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
            while length and len(body) < int(length[0].split(b":")[1]):
                body += client.recv(4096)
            self.asked.append((head + b"\r\n\r\n" + body).decode("latin-1"))
            path = head.split(b" ")[1].decode()
            data = self.respond(path, head.decode("latin-1"))
            if callable(data):
                data(client)
            elif data:
                client.sendall(data)

    def close(self):
        self.hold.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for client in self._clients:
            client.join()
        self._ended.close()


@pytest.fixture
def serve_by(request):
    servers = []

    def start(respond, context=None):
        servers.append(Server(respond, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def get(tmp_path, monkeypatch, capfd):
    """Run ``reactor get ARGUMENTS`` in this process, in an empty folder: (code, stdout, stderr)."""
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    monkeypatch.chdir(out)
    monkeypatch.setattr("reactor.limits.CLIENT_LIMITS", CLIENT_LIMITS.replace(retry_pause_s=0.01))

    def run(*arguments, code=0):
        try:
            ended = main(["get", *map(str, arguments)])
        except SystemExit as exit_:
            ended = exit_.code
        stdout, stderr = capfd.readouterr()
        assert ended == code, (ended, stdout, stderr)
        return stdout, stderr

    run.out = out
    return run


def echo(path, head):
    return answer(path.encode())


VERSIONED = ['ETag: "v1"', f"Last-Modified: {DATE}", f"Date: {NOW}"]


class Breaking:
    """Serves BIG with validators and ranges, and breaks off at the sizes given, in turn."""

    def __init__(self, *sizes, etag='"v1"', body=BIG, ranges=True):
        self.sizes = list(sizes)
        self.etag = etag
        self.body = body
        self.ranges = ranges

    def __call__(self, path, head):
        fields = dict(
            line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
        )
        start, status, more = 0, "200 OK", []
        if self.ranges and fields.get("if-range") == self.etag:
            start = int(fields["range"].removeprefix("bytes=").rstrip("-"))
            status = "206 Partial Content"
            more = [f"Content-Range: bytes {start}-{len(self.body) - 1}/{len(self.body)}"]
            if start >= len(self.body):
                more = [f"Content-Range: bytes */{len(self.body)}"]
                return answer(b"", "416 Range Not Satisfiable", *more)
        versioned = [f"ETag: {self.etag}", *VERSIONED[1:]]
        whole = answer(self.body[start:], status, *versioned, *more)
        size = self.sizes.pop(0) if self.sizes else None
        if size is None:
            return whole
        return whole[: whole.index(b"\r\n\r\n") + 4 + size]


class Slow:
    """Sends the most of BIG, and waits; ``part`` is where it goes."""

    def __init__(self, get, serve_by):
        self.part = get.out / "page.part"
        self.server = serve_by(lambda path, head: self.send)

    def send(self, client):
        client.sendall(Breaking()("/", "")[:200_000])
        self.server.hold.wait(PATIENCE_S)

    def comes(self):
        eventually(
            lambda: self.part.exists() and self.part.stat().st_size > 190_000, "the body comes"
        )

    def is_continued(self, get):
        assert files(get.out) == ["page.part", "page.part.json"]
        self.server.respond = Breaking()
        get("--continue", f"{self.server.url}page")
        assert "Range: bytes=1" in self.server.asked[-1]
        assert (get.out / "page").read_bytes() == BIG
        assert files(get.out) == ["page"]


@dataclass
class Done:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def get_once(tmp_path, monkeypatch, capfd):
    """Run ``reactor get ARGUMENTS`` in this process, in a folder; how it ended, as it should."""

    def run(*arguments, cwd=tmp_path, code=0):
        monkeypatch.chdir(cwd)
        try:
            ended = main(["get", "--retry=0", *map(str, arguments)])
        except SystemExit as exit_:
            ended = exit_.code
        done = Done(ended, *capfd.readouterr())
        assert done.code == code, done
        if code:
            assert re.fullmatch(r"reactor( get)?: [^\n]+\n", done.stderr), done.stderr
        return done

    return run


@contextlib.contextmanager
def canned(*pieces, then="close", host="127.0.0.1"):
    """A server that answers its one client with these pieces; what it received is in ``asked``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    asked = []

    def answer():
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            with client:
                client.settimeout(PATIENCE_S)
                request = b""
                while b"\r\n\r\n" not in request and (data := client.recv(4096)):
                    request += data
                asked.append(request)
                for piece in pieces:
                    client.sendall(piece)
                if then == "wait":
                    client.recv(1)
                elif then == "reset":
                    reset_on_close(client)

    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((host, 0))
        listener.listen()
        listener.settimeout(PATIENCE_S)
        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}", asked
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes an accept that nobody came to
            thread.join()


def reset_on_close(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
