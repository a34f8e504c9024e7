"""TLS beside nginx, in one run: CPU of a request, a handshake, a file; bytes of an idle client.

    python bench/tls.py                    needs nginx, wrk and trustme
    python bench/tls.py --seconds 5 --rounds 8

Both have the same certificate (EC P-256), TLS 1.3 and one cipher, tickets as OpenSSL gives them, no
access log, and one core; wrk has another. Their turns are A B B A, and the ratio is the median of
pairs. CPU is the process's own, user and system (/proc/PID/stat), a request's share of it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from processes import eventually, serving

CONNECTIONS = 64
FILE_BYTES = 1024 * 1024
# What an idle client holds is the slope between so many and twice as many.
IDLE = 300
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

APP = """
from reactor import Response

def app(request):
    return Response(200, [("Content-Type", "text/plain")], b"Hello, World!")
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
  server {{
    listen 127.0.0.1:{port} ssl; root {site}; default_type text/plain;
    location = / {{ return 200 "Hello, World!"; }}
  }}
}}
"""


class Rival:
    """A server that runs, and the process whose CPU counts."""

    def __init__(self, name: str, port: int, pid: int) -> None:
        self.name, self.port, self.pid = name, port, pid
        self.spent: dict[str, list[float]] = {}

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    def memory(self) -> int:
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text("ascii")
        found = re.search(r"^Pss: +(\d+)", text, re.M)
        return int(found[1]) * 1024 if found else 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def ours(folder: Path, pair: tuple[str, str], *words: str) -> Iterator[Rival]:
    tls = ("--ssl-certfile", pair[0], "--ssl-keyfile", pair[1], "--ssl-min", "1.3")
    quiet = ("--no-access-log", "--timeout-keep-alive", "600", "--limit-concurrency", "4000")
    with serving(*words, *tls, *quiet, cwd=folder) as server:
        os.sched_setaffinity(server.pid, {0})
        yield Rival("reactor", server.port, server.pid)


@contextmanager
def nginx(folder: Path, pair: tuple[str, str]) -> Iterator[Rival]:
    port = free_port()
    config = folder / "nginx.conf"
    cert, key = pair
    config.write_text(
        NGINX.format(folder=folder, cert=cert, key=key, port=port, site=folder / "site")
    )
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") or "nginx"
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(config)])
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        worker = int(eventually(lambda: children.read_text("ascii").split(), "nginx serves")[0])
        os.sched_setaffinity(worker, {0})
        yield Rival("nginx", port, worker)
    finally:
        process.terminate()
        process.wait()


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


def compare(row: str, pair: list[Rival], path: str, seconds: int, rounds: int, *words: str) -> None:
    figures: dict[str, list[float]] = {rival.name: [] for rival in pair}
    for number in range(rounds):
        for rival in pair if number % 2 == 0 else pair[::-1]:
            figures[rival.name].append(load(rival, path, seconds, *words))
    first, second = (figures[rival.name] for rival in pair)
    ratios = [a / b for a, b in zip(first, second, strict=True)]
    print(
        f"{row:34} {statistics.median(first):9.1f} {statistics.median(second):9.1f}"
        f" {statistics.median(ratios):7.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
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
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tls-"))
    folder.chmod(0o755)  # nginx's worker is another user
    (folder / "site").mkdir()
    (folder / "site" / "file").write_bytes(os.urandom(FILE_BYTES))
    (folder / "hello.py").write_text(APP)
    issued = trustme.CA().issue_cert("127.0.0.1", "localhost")
    pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
    Path(pair[0]).write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    Path(pair[1]).write_bytes(issued.private_key_pem.bytes())
    Path(pair[1]).chmod(0o600)
    seconds, rounds = options.seconds, options.rounds
    try:
        with nginx(folder, pair) as rival:
            print(f"{'CPU us of a request':34} {'reactor':>9} {'nginx':>9} {'ratio':>7}")
            with ours(folder, pair, "hello:app") as server:
                close = ("-H", "Connection: close")
                compare("hello, 64 kept-alive", [server, rival], "/", seconds, rounds)
                compare("handshake, hello, close", [server, rival], "/", seconds, rounds, *close)
                one, other = idle_bytes(server), idle_bytes(rival)
                print(
                    f"{'bytes of an idle connection':34} {one:9.0f} {other:9.0f} {one / other:7.2f}"
                )
            with ours(folder, pair, "site") as server:
                compare("a file of 1 MiB", [server, rival], "/file", seconds, rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
