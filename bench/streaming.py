"""How long a piece of a body takes from the application that makes it to the client.

    python bench/streaming.py

A body of three pieces with pauses of 0.3 s. Each piece begins with the time at which it was
made, by the clock that all processes of a machine share; a piece has arrived when its last byte
has. Prints the slowest piece of each kind of application, framing and size, for both models; then
how long a second client waits for its answer while the first is sent a stream without an end.
Exits 1 if one took longer than 50 ms.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAUSE_S = 0.3
PIECES = 3
SIZES = (10, 20_000, 200_000)
STAMP = 16  # digits of a time in microseconds, at the beginning of a piece that has room for them
WITHIN_MS = 50.0
FRAMINGS = {"chunked": ("1.1", False), "length": ("1.1", True), "HTTP/1.0": ("1.0", False)}
KINDS = {"native": ("yield",), "wsgi": ("yield", "write", "pipe")}

APPS = """
import os, threading, time
from urllib.parse import parse_qs
from reactor import Response

def piece(size):
    stamp = b"%016d" % (time.monotonic_ns() // 1000)
    return stamp[-size:] if size < 16 else stamp + b"x" * (size - 16)

def pieces(size):
    for number in range(3):
        if number:
            time.sleep(0.3)
        yield piece(size)

def endless():
    while True:
        yield b"x" * 1000

def pipe(size):
    reader, writer = os.pipe()
    def fill():
        with open(writer, "wb", buffering=0) as file:
            for data in pieces(size):
                while data:
                    data = data[file.write(data):]
    threading.Thread(target=fill, daemon=True).start()
    return open(reader, "rb")

def asked(query):
    values = parse_qs(query)
    size = int(values.get("size", ["0"])[0])
    fields = [("Content-Type", "text/plain")]
    if "length" in values:
        fields.append(("Content-Length", str(3 * size)))
    return size, fields

def native(request):
    size, fields = asked(request.query)
    if request.path == "/ok":
        return Response(200, {}, b"ok")
    return Response(200, fields, endless() if request.path == "/endless" else pieces(size))

def wsgi(environ, start_response):
    size, fields = asked(environ["QUERY_STRING"])
    write = start_response("200 OK", fields)
    kind = environ["PATH_INFO"]
    if kind == "/ok":
        return [b"ok"]
    if kind == "/endless":
        return endless()
    if kind == "/write":
        for data in pieces(size):
            write(data)
        return []
    return environ["wsgi.file_wrapper"](pipe(size)) if kind == "/pipe" else pieces(size)
"""


@contextmanager
def serving(app: str, model: str) -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "streams.py").write_text(APPS, encoding="utf-8")
        command = [sys.executable, "-m", "reactor", "serve", f"streams:{app}"]
        root = str(Path(__file__).resolve().parent.parent)
        with subprocess.Popen(
            [*command, "--model", model, "--port", "0", "--no-access-log", "--log-level", "error"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([root, folder])},
            stdout=subprocess.PIPE,
        ) as server:
            try:
                line = server.stdout.readline().decode() if server.stdout else ""
                yield "127.0.0.1", int(line.split("http://127.0.0.1:")[1].split("/")[0])
            finally:
                server.kill()


def slowest_ms(address: tuple[str, int], kind: str, framing: str, size: int) -> float:
    """From the moment that a piece was made to the arrival of its last byte."""
    version, with_length = FRAMINGS[framing]
    target = f"/{kind}?size={size}" + ("&length=1" if with_length else "")
    slowest = 0.0
    body = b""
    with socket.create_connection(address, timeout=30) as sock:
        file = sock.makefile("rb")
        sock.sendall(f"GET {target} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
        while file.readline() != b"\r\n":
            pass
        left = 0
        while len(body) < PIECES * size:
            if framing == "chunked" and not left:
                left = int(file.readline(), 16)
            data = file.read1(min(left, 65536) if framing == "chunked" else 65536)
            body += data
            if framing == "chunked":
                left -= len(data)
                if not left:
                    file.readline()
            if not len(body) % size:
                stamp = body[len(body) - size :][:STAMP]
                now = time.monotonic_ns() // 1000
                made = int(stamp)
                if size < STAMP:  # its last digits only
                    now %= 10**size
                slowest = max(slowest, (now - made) / 1000)
    return slowest


def second_client_ms(address: tuple[str, int], times: int = 50) -> float:
    """The slowest answer to a client beside one who is sent an endless stream."""
    stop = threading.Event()

    def read() -> None:
        with socket.create_connection(address, timeout=30) as sock:
            sock.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not stop.is_set() and sock.recv(65536):
                pass

    reader = threading.Thread(target=read)
    reader.start()
    slowest = 0.0
    for _ in range(times):
        began = time.monotonic()
        with socket.create_connection(address, timeout=30) as sock:
            sock.sendall(b"GET /ok HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while sock.recv(65536):
                pass
        slowest = max(slowest, (time.monotonic() - began) * 1000)
    stop.set()
    reader.join()
    return slowest


def main() -> int:
    print(f"{'model':8} {'application':13} {'framing':9} " + " ".join(f"{s:>9,}" for s in SIZES))
    worst = 0.0
    for model in ("reactor", "threads"):
        for app, kinds in KINDS.items():
            with serving(app, model) as address:
                for kind in kinds:
                    for framing in FRAMINGS:
                        times = [slowest_ms(address, kind, framing, size) for size in SIZES]
                        worst = max(worst, *times)
                        row = " ".join(f"{ms:6.1f} ms" for ms in times)
                        print(f"{model:8} {app + ' ' + kind:13} {framing:9} {row}", flush=True)
                second = second_client_ms(address)
                worst = max(worst, second)
                print(
                    f"{model:8} {app:13} a second client beside an endless stream: {second:.1f} ms"
                )
    print(f"The slowest: {worst:.1f} ms (at most {WITHIN_MS:g})")
    return int(worst > WITHIN_MS)


if __name__ == "__main__":
    sys.exit(main())
