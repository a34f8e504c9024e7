"""Ten thousand idle WebSockets and a thousand that echo: how long an echo takes, and what it costs.

    python bench/soak_websocket.py [SECONDS]

Each of the thousand sends 64 bytes a second, spread evenly. The clients are this process.
"""

from __future__ import annotations

import os
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reactor.parser._frames import frame

IDLE, ECHOING, WARM = 10_000, 1_000, 500
P99_MAX_S = 0.05

APP = """
from reactor import WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

def app(request):
    return request.websocket(Echo)
"""
OPENING = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SENT = frame(1, b"x" * 64, mask=b"1234")
BACK = len(frame(1, b"x" * 64))


def resident(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def opened(port: int, number: int) -> socket.socket:
    # One source address has no more than 28,000 ports, which other tests use too.
    sock = socket.create_connection(
        ("127.0.0.1", port), 30, source_address=(f"127.0.1.{number % 8}", 0)
    )
    sock.sendall(OPENING)
    assert b" 101 " in sock.recv(4096)
    return sock


def echo_for(socks: list[socket.socket], seconds: float) -> list[float]:
    """How long each echo took."""
    waiting: dict[socket.socket, float] = {}
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
        began = time.monotonic()
        for number in range(int(seconds * len(socks))):
            due = began + number / len(socks)
            while (left := due - time.monotonic()) > 0 or number == 0:
                for key, _ in selector.select(max(0.0, left)):
                    sock = key.fileobj
                    assert len(sock.recv(4096)) == BACK
                    took.append(time.monotonic() - waiting.pop(sock))
                if number == 0:
                    break
            sock = socks[number % len(socks)]
            assert sock not in waiting, "an echo took a second"
            waiting[sock] = time.monotonic()
            sock.send(SENT)
    return took


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sockets.py").write_text(APP)
        words = ("serve", "sockets:app", "--port=0", "--no-access-log", "--limit-concurrency=20000")
        with subprocess.Popen(
            [sys.executable, "-m", "reactor", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.getcwd()},
        ) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline().partition("127.0.0.1:")[2].partition("/")[0])
            socks = [opened(port, number) for number in range(WARM)]
            before = resident(server.pid)
            socks += [opened(port, number) for number in range(IDLE + ECHOING - WARM)]
            each = (resident(server.pid) - before) / (IDLE + ECHOING - WARM)
            took = sorted(echo_for(socks[:ECHOING], seconds))
            p99 = took[int(len(took) * 0.99)]
            print(
                f"{len(socks)} WebSockets, {each:.0f} bytes each; {len(took)} echoes: "
                f"p50 {took[len(took) // 2] * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms"
            )
            server.terminate()
            for sock in socks:
                sock.close()
        return 0 if p99 < P99_MAX_S else 1


if __name__ == "__main__":
    sys.exit(main())
