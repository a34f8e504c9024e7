"""Instructions that the server spends on a request outside the kernel, by callgrind.

    python bench/instructions.py native wsgi native-pipelined wsgi-pipelined static close

They do not depend on what else the machine does, so two commits can be compared by them; what they
cost in time, and what the kernel adds, only a pair of running servers tells (bench_peers.py).
Needs valgrind and Linux.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reactor.bench import answers, served
from reactor.bench.served import apps

TARGETS = {
    "native": "apps:hello",
    "wsgi": "apps:wsgi",
    "native-pipelined": "apps:hello",
    "wsgi-pipelined": "apps:wsgi",
    "static": "",
    "close": "apps:hello",
}
DEPTH = 16  # of the pipelined ones
CONNECTIONS, ROUNDS, WARM_UP = 16, 100, 20


@contextmanager
def serving(target: str, folder: Path) -> Iterator[tuple[int, int]]:
    """The port and the process of a server under callgrind, which does not count yet."""
    command = [
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        sys.executable,
        "-m",
        "reactor",
    ]
    command[2:2] = [f"--callgrind-out-file={folder / 'counted'}"]
    options = ["--port", "0", "--no-access-log", "--timeout-keep-alive", "600"]
    with subprocess.Popen(
        [*command, "serve", target or str(folder / "site"), *options],
        cwd=Path(served.__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            line = process.stdout.readline()
            yield int(re.search(rb":(\d+)/", line)[1]), process.pid
        finally:
            process.terminate()


def rounds(port: int, request: bytes, count: int, close: bool, depth: int) -> None:
    """``count`` times ``depth`` requests at once on each connection, new ones if they close."""
    socks: list[socket.socket] = []
    for _ in range(count):
        if close or not socks:
            socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for sock in socks:
            sock.sendall(request * depth)
        for sock in socks:
            if sock.recv(65536).count(b"HTTP/1.1 200 ") != depth:
                raise SystemExit("the server did not answer with 200")
            if close:
                sock.close()


def instructions(name: str) -> float:
    """A request's, in a server that has answered some before."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        site.mkdir()
        apps.make_site(site)
        with serving(TARGETS[name], Path(folder)) as (port, process):
            url = f"http://127.0.0.1:{port}/{apps.SMALL[0] if name == 'static' else ''}"
            close = name == "close"
            request = answers.request_bytes(url, "close" if close else "keep-alive")
            depth = DEPTH if name.endswith("pipelined") else 1
            rounds(port, request, WARM_UP, close, depth)
            for word in ("--instr=on", "-z"):
                control(word, process)
            rounds(port, request, ROUNDS, close, depth)
            control("-d", process)
        counted = Path(folder, "counted.1").read_text()  # the first dump: the one asked for above
        return int(re.search(r"^totals: (\d+)", counted, re.M)[1]) / (ROUNDS * CONNECTIONS * depth)


def control(word: str, process: int) -> None:
    subprocess.run(["callgrind_control", word, str(process)], check=True, capture_output=True)


def main() -> int:
    if shutil.which("valgrind") is None:
        print("valgrind is not installed (Debian: apt install valgrind)", file=sys.stderr)
        return 1
    for name in sys.argv[1:] or TARGETS:
        if name not in TARGETS:
            print(f"no such row: {name}; there are {', '.join(TARGETS)}", file=sys.stderr)
            return 2
        print(f"{name:16} {instructions(name):10,.0f} instructions a request", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
