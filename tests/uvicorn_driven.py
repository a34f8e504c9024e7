"""Two servers of one ASGI application as processes, ours and uvicorn; and what a client sees."""

import http.client
import io
import json
import re
import signal
import socket
import struct
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from processes import eventually, serving, started
from websocket_handshakes import ACCEPT, opening
from websockets_driven import CLOSE, of_client

from reactor.parser._frames import FrameReader

TESTS = Path(__file__).parent
# What each server says of itself, and the time.
OWN_FIELDS = ("date", "server")


@contextmanager
def ours(*options, **env):
    words = ("uvicorn_probe:app", "--interface", "asgi", "--no-access-log", *options)
    options = {"announced": False, "traceback_expected": True}
    with serving(*words, cwd=TESTS, env=env, **options) as server:
        eventually(
            lambda: "\n" in server.out or server.process.poll() is not None,
            "it serves or has ended",
        )
        yield server


@contextmanager
def uvicorns(*options, **env):
    """uvicorn with the codecs that it prefers; it says on stderr where it listens."""
    words = ("uvicorn_probe:app", "--port", "0", "--http", "httptools", *options)
    program = [sys.executable, "-m", "uvicorn", *words, "--ws", "websockets-sansio"]
    with started(program, cwd=TESTS, env=env, announced=False, traceback_expected=True) as server:
        eventually(
            lambda: "running on" in server.err or server.process.poll() is not None,
            "uvicorn serves or has ended",
        )
        server.out = "".join(re.findall(r"http://[\d.:]+", server.err)[:1]) + "\n"
        yield server
        # After a graceful stop it ends itself by the signal.
        server.signal(signal.SIGTERM)
        server.wait()


SERVERS = {"ours": ours, "uvicorn": uvicorns}


def ask(server, target, method="GET", body=None, headers=(), version="1.1"):
    """(status, fields, body or how much of it came, whether the connection takes another)."""
    fields = [("Host", "a"), *headers]
    if body is not None and not any(name == "Transfer-Encoding" for name, _ in fields):
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/{version}", *(f"{n}: {v}" for n, v in fields), "", ""]
    with server.connect() as sock, Answers(sock) as answers:
        sock.sendall("\r\n".join(lines).encode("latin-1") + (body or b""))
        answer = answers.next(method)
        return "nothing" if answer is None else (*answer, answers.live())


class Kept(io.BufferedReader):
    """What `HTTPResponse` reads from and closes; the next answer is behind what it has read."""

    def close(self):
        pass


class Answers:
    """Those that come on a connection, one after the other."""

    def __init__(self, sock):
        self.sock = sock
        self.raw = sock.makefile("rb", buffering=0)
        self.reader = Kept(self.raw)

    def makefile(self, mode):
        return self.reader

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.raw.close()

    def next(self, method="GET"):
        """(status, fields, body or what came of it); None if there is no answer."""
        response = http.client.HTTPResponse(self, method=method)
        try:
            response.begin()
        except (http.client.HTTPException, ConnectionError):
            return None
        lower = [(name.lower(), value) for name, value in response.getheaders()]
        fields = sorted(pair for pair in lower if pair[0] not in OWN_FIELDS)
        try:
            content = response.read().decode("latin-1")
        except http.client.IncompleteRead as error:
            content = ("broken", error.partial.decode("latin-1"))
        unique = len(dict(fields)) == len(fields)
        return response.status, dict(fields) if unique else fields, content

    def live(self):
        """Whether the connection takes another request, and nothing comes before its answer."""
        try:
            self.sock.sendall(b"GET /unread HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = self.next()
        except OSError:
            return False
        return answer is not None and answer[0] == 200 and answer[2] == "whole"


def answer_of(sock):
    with Answers(sock) as answers:
        return answers.next()


def status_of(answer):
    """Of an answer that the server makes: its words are its own."""
    return answer if answer == "nothing" else (answer[0], answer[3])


def json_of(answer):
    return json.loads(answer[2])


def seen(server, name, count):
    """What the application has noted under this name, once it is so much."""

    def noted():
        notes = json_of(ask(server, f"/seen/{name}"))
        return len(notes) >= count and notes

    return eventually(noted, f"{count} notes of {name}")


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Socket:
    """A WebSocket client that tells of everything that comes."""

    def __init__(self, server, path, behind=b"", **fields):
        self.sock = server.connect()
        fields = {"Host": f"127.0.0.1:{server.port}", **fields}
        self.sock.sendall(opening(f"GET {path} HTTP/1.1", **fields) + behind)
        self.reader = FrameReader(False, 1 << 30)
        self.frames = []
        self.closing = False
        data = b""
        while b"\r\n\r\n" not in data and (piece := self.sock.recv(65_536)):
            data += piece
        head, _, behind = data.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        self.status = int(line.split()[1]) if line else None
        lower = [(name.lower(), value.strip()) for name, _, value in map(split, rest)]
        self.fields = sorted(pair for pair in lower if pair[0] not in OWN_FIELDS)
        if self.status == 101:
            assert ("sec-websocket-accept", ACCEPT) in self.fields
            self.frames += self.reader.read(behind)
        else:
            self.body = behind

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.sock.close()

    def send(self, opcode, data=b""):
        self.closing |= opcode == CLOSE
        self.sock.sendall(of_client(opcode, data))

    def frame(self):
        """The next one, its payload as text; "end" or "reset" when no more come."""
        while not self.frames:
            try:
                data = self.sock.recv(65_536)
            except ConnectionError:
                return "reset"
            if not data:
                return "end"
            self.frames += self.reader.read(data)
        opcode, payload = self.frames.pop(0)
        if opcode == CLOSE:
            return "close", int.from_bytes(payload[:2], "big"), bytes(payload[2:]).decode()
        return opcode, payload if isinstance(payload, str) else bytes(payload).decode("latin-1")

    def rest(self):
        """All frames until the end; a Close is answered, unless it is an answer."""
        found = []
        while True:
            found.append(self.frame())
            if found[-1][0] == "close" and not self.closing:
                with suppress(OSError):
                    self.send(CLOSE, found[-1][1].to_bytes(2, "big"))
            if isinstance(found[-1], str):
                self.sock.close()
                return found

    def refusal(self):
        """(status, body, whether the connection takes a request)."""
        length = int(dict(self.fields)["content-length"])
        while len(self.body) < length and (data := self.sock.recv(65_536)):
            self.body += data
        with Answers(self.sock) as answers:
            alive = answers.live()
        self.sock.close()
        return self.status, self.body.decode("latin-1"), alive


def split(line):
    return line.partition(":")
