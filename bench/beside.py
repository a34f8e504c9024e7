"""What a file of 1 KiB costs beside an application, against the folder alone and WhiteNoise.

    python bench/beside.py [ROUNDS]

CPU of the whole process a request, kernel included, all servers in turns: the median of the
rounds. Goals: at most 1.05 of the folder alone, and 0.10 of WhiteNoise as it is deployed, in a
WSGI application on gunicorn. Needs flask, fastapi, whitenoise and gunicorn for their rows; Linux.
"""

from __future__ import annotations

import importlib.util
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from reactor.bench.served import apps

SMALL, SIZE = apps.SMALL
CONNECTIONS, REQUESTS, ROUNDS = 16, 4_000, 7
APPS = """
import os
from flask import Flask
flask = Flask(__name__, static_folder=None)
flask.route("/")(lambda: "page")

def white():
    from whitenoise import WhiteNoise
    return WhiteNoise(flask, root=os.environ["SITE"], prefix="static/")

def fast():
    from fastapi import FastAPI
    app = FastAPI()
    app.get("/")(lambda: "page")
    return app
"""
OURS = ("-m", "reactor", "serve", "--port", "0", "--no-access-log")
THEIRS = ("-m", "gunicorn", "-b", "127.0.0.1:0", "-k", "gthread", "--threads", "1")
BESIDE = ("--static", "/static={site}")


class Row(NamedTuple):
    needs: tuple[str, ...]
    words: tuple[str, ...]
    path: str = f"/static/{SMALL}"


ROWS = {
    "the folder alone": Row((), (*OURS, "{site}"), f"/{SMALL}"),
    "beside Flask": Row(("flask",), (*OURS, *BESIDE, "beside:flask")),
    "beside FastAPI": Row(("flask", "fastapi"), (*OURS, *BESIDE, "beside:fast()")),
    "WhiteNoise, here": Row(("flask", "whitenoise"), (*OURS, "beside:white()")),
    "WhiteNoise, gunicorn": Row(
        ("flask", "whitenoise", "gunicorn"), (*THEIRS, "--keep-alive", "60", "beside:white()")
    ),
}


class Server:
    """A server of a row, and the CPU that it and its workers take."""

    def __init__(self, row: Row, folder: Path) -> None:
        self.row = row
        words = [word.format(site=folder / "site") for word in row.words]
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env={"SITE": str(folder / "site"), "PYTHONPATH": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                break
        else:
            raise SystemExit(f"{' '.join(words)} did not start")

    def cpu_ns(self) -> int:
        # Of the threads too: gunicorn's worker answers in one.
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        tasks = [
            task
            for process in (self.process.pid, *map(int, children.split()))
            for task in Path(f"/proc/{process}/task").iterdir()
        ]
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def round(self, requests: int) -> float:
        """Nanoseconds of CPU a request."""
        request = f"GET {self.row.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        socks = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(CONNECTIONS)]
        before = self.cpu_ns()
        for _ in range(requests // CONNECTIONS):
            for sock in socks:
                sock.sendall(request)
            for sock in socks:
                received = b""
                while len(received.partition(b"\r\n\r\n")[2]) < SIZE:
                    data = sock.recv(65536)
                    if not data:
                        raise SystemExit(f"the server closed the connection: {received[:200]!r}")
                    received += data
        spent = self.cpu_ns() - before
        for sock in socks:
            sock.close()
        return spent / requests

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "site").mkdir()
        apps.make_site(folder / "site")
        (folder / "beside.py").write_text(APPS, encoding="utf-8")
        servers = {}
        try:
            for name, row in ROWS.items():
                lacking = [one for one in row.needs if importlib.util.find_spec(one) is None]
                if lacking:
                    print(f"{name}: {lacking[0]} is not installed")
                    continue
                servers[name] = Server(row, folder)
            for server in servers.values():
                server.round(CONNECTIONS * 20)
            spent = {name: [] for name in servers}
            for _ in range(rounds):
                for name in [*servers, *reversed(servers)]:
                    spent[name].append(servers[name].round(REQUESTS))
        finally:
            for server in servers.values():
                server.end()
    middle = {name: statistics.median(figures) for name, figures in spent.items()}
    for name, figure in middle.items():
        of_it = figure / middle["the folder alone"]
        print(f"{name:22} {figure / 1000:8.1f} us of CPU a request; {of_it:7.3f} of the folder's")
    return 0


if __name__ == "__main__":
    sys.exit(main())
