"""Instructions that the server spends on a request outside the kernel, by callgrind.

    python bench/instructions.py                        all rows
    python bench/instructions.py native wsgi-varied     these

They do not depend on what else the machine does, so two commits can be compared by them; what they
cost in time, and what the kernel adds, only a pair of running servers tells (`reactor bench`).
Each connection asks when the one before has its answer, so that every turn of the loop has one
event, and the least of some windows counts: two runs agree to 0.1 %. The varied rows ask no
request twice. Needs valgrind and Linux.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reactor.bench import answers, served
from reactor.bench.served import apps
from reactor.load import Plan
from reactor.parser._frames import frame

CONNECTIONS, WARM_UP = 16, 20
# What is due once a second (the date, a file's size) is in some of the windows, and how many
# requests share it depends on the machine. It is not in the least of them, so nor in the figures.
WINDOWS = 9
DEPTH = 16  # of the pipelined rows
END = b"0\r\n\r\n"  # of chunks
TEXT, MASK = 1, b"mask"
OPENING = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@dataclass(frozen=True)
class Row:
    """What is served, and how it is asked; ``target`` "": the site's small file."""

    target: str
    depth: int = 1
    close: bool = False
    varied: bool = False
    end: bytes | None = None  # of an answer that comes in more than one piece
    echo: bool = False  # a request is a message of a WebSocket
    rounds: int = 12  # of a window: short enough that some have nothing of a second's end
    log: str = ""  # the format of its access log, in a file; "": it has none
    metrics: bool = False


ROWS = {
    "native": Row("apps:hello"),
    "native-combined": Row("apps:hello", log="combined"),
    "native-json": Row("apps:hello", log="json"),
    "native-metrics": Row("apps:hello", metrics=True),
    "native-combined-metrics": Row("apps:hello", log="combined", metrics=True),
    "wsgi": Row("apps:wsgi"),
    "asgi": Row("apps:asgi"),
    "asgi-varied": Row("apps:asgi_varied", varied=True),
    "asgi-stream": Row("apps:asgi_stream", end=END),
    "echo": Row("apps:echo", echo=True),
    "asgi-echo": Row("apps:asgi_echo", echo=True),
    "native-pipelined": Row("apps:hello", depth=DEPTH),
    "wsgi-pipelined": Row("apps:wsgi", depth=DEPTH),
    "static": Row(""),
    "static-varied": Row("", varied=True),
    "close": Row("apps:hello", close=True),
    "varied": Row("apps:varied", varied=True),
    "wsgi-varied": Row("apps:wsgi_varied", varied=True),
    "stream": Row("apps:wsgi_stream", end=END, rounds=1),
    "varied-metrics": Row("apps:varied", varied=True, metrics=True),
    "wsgi-metrics": Row("apps:wsgi", metrics=True),
    "static-metrics": Row("", metrics=True),
    "asgi-metrics": Row("apps:asgi", metrics=True),
}


@contextmanager
def serving(row: Row, folder: Path) -> Iterator[tuple[int, int]]:
    """The port and the process of a server under callgrind, which does not count yet."""
    command = [
        *("valgrind", "--tool=callgrind", "--instr-atstart=no"),
        f"--callgrind-out-file={folder / 'counted'}",
        *(sys.executable, "-m", "reactor", "serve", row.target or str(folder / "site")),
        *("--port", "0", "--timeout-keep-alive", "600"),
        *(
            ("--access-log-format", row.log, "--access-logfile", str(folder / "log"))
            if row.log
            else ("--no-access-log",)
        ),
        *(("--metrics", "127.0.0.1:0") if row.metrics else ()),
    ]
    # The server inherits it, and then has no watch on its loop, whose ticks are of the wall's time.
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    with subprocess.Popen(
        command,
        cwd=Path(served.__file__).parent,
        # The order in sets, and where names collide in dicts, would differ from run to run.
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            line = process.stdout.readline()
            yield int(re.search(rb":(\d+)/", line)[1]), process.pid
        finally:
            process.terminate()


def requests(row: Row, port: int) -> Iterator[bytes]:
    """Endless; of a varied row, more of them than are ever asked before one comes again."""
    if row.echo:
        return itertools.repeat(frame(TEXT, apps.MESSAGE, mask=MASK))
    url = f"http://127.0.0.1:{port}/{'' if row.target else apps.SMALL[0]}"
    if not row.varied:
        return itertools.repeat(answers.request_bytes(url, "close" if row.close else "keep-alive"))
    # Of every port the same.
    fields = {**answers.FIELDS, "Host": "127.0.0.1", "Connection": "keep-alive"}
    [target] = Plan(
        (url,), varied=CONNECTIONS * (WARM_UP + WINDOWS * row.rounds), headers=fields
    ).targets()
    return itertools.cycle(target.requests)


class Clients:
    """The connections; each is asked when the one before has been answered."""

    def __init__(self, row: Row, port: int) -> None:
        self._row, self._port = row, port
        self._requests = requests(row, port)
        self._socks: list[socket.socket] = []

    def rounds(self, count: int) -> None:
        """``count`` times the row's depth of requests at once on each, new ones if they close."""
        for _ in range(count):
            if self._row.close or not self._socks:
                address = ("127.0.0.1", self._port)
                self._socks = [socket.create_connection(address) for _ in range(CONNECTIONS)]
                if self._row.echo:
                    self._open()
            for sock in self._socks:
                self._ask(sock)

    def _open(self) -> None:
        for sock in self._socks:
            sock.sendall(OPENING)
            if not sock.recv(65536).startswith(b"HTTP/1.1 101 "):
                raise SystemExit("the server opened no WebSocket")

    def _ask(self, sock: socket.socket) -> None:
        sock.sendall(b"".join(itertools.islice(self._requests, self._row.depth)))
        answer = sock.recv(65536)
        while answer and self._row.end and not answer.endswith(self._row.end):
            answer += sock.recv(65536)
        wanted = frame(TEXT, apps.MESSAGE) if self._row.echo else b"HTTP/1.1 200 "
        if answer.count(wanted) != self._row.depth:
            raise SystemExit(f"the server did not answer with {wanted!r}: {answer!r:.100}")
        if self._row.close:
            sock.close()


def instructions(name: str) -> float:
    """A request's, in a server that has answered some before."""
    row = ROWS[name]
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        site.mkdir()
        apps.make_site(site)
        with serving(row, Path(folder)) as (port, process):
            clients = Clients(row, port)
            clients.rounds(WARM_UP)
            for word in ("--instr=on", "-z"):
                control(word, process)
            for _ in range(WINDOWS):
                clients.rounds(row.rounds)
                control("-d", process)
        dumps = [Path(folder, f"counted.{number + 1}") for number in range(WINDOWS)]
        totals = [int(re.search(r"^totals: (\d+)", dump.read_text(), re.M)[1]) for dump in dumps]
        return min(totals) / (row.rounds * CONNECTIONS * row.depth)


def control(word: str, process: int) -> None:
    subprocess.run(["callgrind_control", word, str(process)], check=True, capture_output=True)


def missing() -> str | None:
    """Why nothing can be counted here, or None."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed (Debian: apt install valgrind)"
    return None


def main() -> int:
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    names = sys.argv[1:] or [*ROWS]
    if unknown := [name for name in names if name not in ROWS]:
        print(f"no such row: {unknown[0]}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"{name:16} {instructions(name):10,.0f} instructions a request", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
