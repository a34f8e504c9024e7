"""TLS beside others, in one run: CPU of a request, a handshake, a file; bytes of an idle client.

    python bench/tls.py                           beside nginx: needs nginx, wrk and trustme
    python bench/tls.py --python PEERS/bin/python also beside granian, and uvicorn with uvloop
    python bench/tls.py --seconds 5 --rounds 8 --rows hello varied

All have the same certificate (EC P-256), TLS 1.3, one cipher and one curve, which is looked at and
printed; tickets as each gives them, no session is resumed; no access log, and one core; wrk has
another. Two take turns, A B B A, and the ratio is the median of pairs. CPU is the process's own,
user and system (/proc/PID/stat), a request's share of it. The varied rows ask 10,000 different
requests, and get an answer to each its own (bench/README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import trustme
from tls_rivals import PEERS, Rival, nginx, ours, peer, session_of

from reactor.load.varied import DEFAULT, variations

CONNECTIONS = 64
FILE_BYTES = 1024 * 1024
# What an idle client holds is the slope between so many and twice as many.
IDLE = 300
ROWS = ("hello", "varied", "asgi", "asgi-varied", "handshake", "file", "idle")
# The most that a request of ours may cost, of theirs.
GOALS = {
    **{(row, "nginx"): 1.25 for row in ("hello", "varied")},
    **{(row, "granian"): 0.55 for row in ("hello", "varied")},
    **{(row, "uvicorn"): 0.30 for row in ("hello", "varied")},
    **{(row, "uvicorn-h11"): 0.30 for row in ("hello", "varied")},
    ("handshake", "nginx"): 1.30,
    ("file", "nginx"): 1.15,
}


class Bench:
    """Where the files are, and how long a slot is."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.seconds, self.rounds, self.python = options.seconds, options.rounds, options.python
        self.rows = options.rows
        self.site = folder / "site"
        self.site.mkdir()
        (self.site / "file").write_bytes(os.urandom(FILE_BYTES))
        issued = trustme.CA().issue_cert("127.0.0.1", "localhost")
        self.pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        Path(self.pair[0]).write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        Path(self.pair[1]).write_bytes(issued.private_key_pem.bytes())
        Path(self.pair[1]).chmod(0o600)
        self.script = folder / "varied.lua"
        self.script.write_text(varied_script())

    def run(self) -> None:
        for row, target, app, words in (
            ("hello", "apps:hello", "asgi", ()),
            ("varied", "apps:varied", "asgi_varied", ("-s", str(self.script))),
            ("asgi", "apps:asgi", "asgi", ()),
            ("asgi-varied", "apps:asgi_varied", "asgi_varied", ("-s", str(self.script))),
            ("handshake", "apps:hello", "asgi", ("-H", "Connection: close")),
        ):
            if row in self.rows:
                with ours("reactor", target, self.pair) as server:
                    self.against_all(row, server, app, words)
        if "file" in self.rows:
            with ours("reactor", str(self.site), self.pair) as server, self.nginx() as rival:
                self.compare("file", server, rival, "/file", ())
        if "idle" in self.rows:
            with ours("reactor", "apps:hello", self.pair) as server, self.nginx() as rival:
                one, other = idle_bytes(server), idle_bytes(rival)
                print(f"{'idle bytes':12} nginx       {one:9.0f} {other:9.0f} {one / other:6.2f}")

    def nginx(self):  # type: ignore[no-untyped-def]
        return nginx(self.folder, self.site, self.pair)

    def against_all(self, row: str, server: Rival, app: str, words: tuple[str, ...]) -> None:
        if not row.startswith("asgi"):
            with self.nginx() as rival:
                self.compare(row, server, rival, "/", words)
        for name in PEERS if self.python else ():
            with peer(name, self.python, app, self.pair) as rival:
                self.compare(row, server, rival, "/", words)

    def compare(
        self, row: str, one: Rival, other: Rival, path: str, words: tuple[str, ...]
    ) -> None:
        sessions = [session_of(rival) for rival in (one, other)]
        if sessions[0].partition(",")[0] != sessions[1].partition(",")[0]:
            raise SystemExit(f"{other.name} does other work: {sessions[1]}, and ours {sessions[0]}")
        figures: dict[str, list[float]] = {one.name: [], other.name: []}
        for number in range(self.rounds):
            for rival in (one, other) if number % 2 == 0 else (other, one):
                figures[rival.name].append(load(rival, path, self.seconds, *words))
        ratios = [a / b for a, b in zip(figures[one.name], figures[other.name], strict=True)]
        ratio, goal = statistics.median(ratios), GOALS.get((row, other.name))
        verdict = "-"
        if goal is not None:
            verdict = f"{'met' if ratio <= goal else 'NOT MET'}: {goal:.2f}"
        print(
            f"{row:12} {other.name:11} {statistics.median(figures[one.name]):9.1f}"
            f" {statistics.median(figures[other.name]):9.1f} {ratio:6.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f})  {verdict}  {sessions[1]}",
            flush=True,
        )


def load(rival: Rival, path: str, seconds: int, *words: str) -> float:
    """Microseconds of the server's CPU for a request."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *words]
    before = rival.cpu_s()
    done = subprocess.run(
        [*command, f"https://127.0.0.1:{rival.port}{path}"],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)}),
    )
    spent = rival.cpu_s() - before
    found = re.search(r"(\d+) requests in", done.stdout)
    count = int(found[1]) if found else 0
    if not count or "Non-2xx" in done.stdout:
        raise SystemExit(f"{rival.name}: {done.stdout}{done.stderr}")
    return spent / count * 1e6


def varied_script() -> str:
    """wrk's script, in Lua: these requests, again and again."""
    heads = []
    for target, fields in variations("/", DEFAULT):
        lines = [f"GET {target} HTTP/1.1", "Host: localhost", "Accept: */*"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        heads.append("\r\n".join([*lines, "", ""]))
    # A string of JSON is one of Lua, where all is printable ASCII.
    listed = ",\n".join(json.dumps(head) for head in heads)
    return (
        f"local heads = {{\n{listed}\n}}\nlocal i = 0\n"
        f"request = function()\n  i = i % {len(heads)} + 1\n  return heads[i]\nend\n"
    )


def idle_bytes(rival: Rival) -> float:
    """What each of many clients that have asked once, and wait, takes."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with ExitStack() as stack:

        def connect() -> None:
            sock = stack.enter_context(
                context.wrap_socket(socket.create_connection(("127.0.0.1", rival.port)))
            )
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sock.recv(4096)

        for _ in range(IDLE):
            connect()
        before = rival.memory()
        for _ in range(IDLE):
            connect()
        return (rival.memory() - before) / IDLE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=2, help="of a slot")
    parser.add_argument("--rounds", type=int, default=6, help="slots of each of a pair")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--python", help="the interpreter that has granian, uvicorn and uvloop")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tls-"))
    folder.chmod(0o755)  # nginx's worker is another user
    print(f"{'CPU us':12} {'beside':11} {'reactor':>9} {'theirs':>9} {'ratio':>6}")
    try:
        Bench(folder, options).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
