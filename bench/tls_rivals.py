"""Servers that speak TLS, each started to do the same work: one worker, no access log, clients kept
as long as they like, the same certificate, and TLS 1.3 alone. `session_of` tells what they agree on
with a client, which has to be the same."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from processes import eventually, serving

from reactor.bench.peers import NGINX_VARIED
from reactor.bench.servers import SERVED

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
    location = /file {{ }}
    {varied}
  }}
}}
"""
# In the interpreter that `--python` names; {app} of `reactor/bench/served/apps.py`. uvicorn with
# the parser that is compiled, and with the one that it has by itself.
_UVICORN = (
    "uvicorn --host 127.0.0.1 --port {port} --no-access-log --log-level error --loop uvloop "
    "--timeout-keep-alive 600 --ssl-certfile {cert} --ssl-keyfile {key} apps:{app} --http "
)
PEERS = {
    "granian": "granian --interface asgi --host 127.0.0.1 --port {port} --workers 1 --http 1 "
    "--no-ws --no-access-log --log-level error --ssl-certificate {cert} --ssl-keyfile {key} "
    "--ssl-protocol-min tls1.3 apps:{app}",
    "uvicorn": _UVICORN + "httptools",
    "uvicorn-h11": _UVICORN + "h11",
}
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Whoever has the server: the load has the other one.
CORE = 0


class Rival:
    """A server that runs, and the process whose CPU counts."""

    def __init__(self, name: str, port: int, pid: int) -> None:
        self.name, self.port, self.pid = name, port, pid
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {CORE})

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
def ours(name: str, target: str, pair: tuple[str, str]) -> Iterator[Rival]:
    tls = ("--ssl-certfile", pair[0], "--ssl-keyfile", pair[1], "--ssl-min", "1.3")
    quiet = ("--no-access-log", "--timeout-keep-alive", "600", "--limit-concurrency", "4000")
    with serving(target, *tls, *quiet, "--lifespan", "off", cwd=SERVED) as server:
        yield Rival(name, server.port, server.pid)


@contextmanager
def nginx(folder: Path, site: Path, pair: tuple[str, str]) -> Iterator[Rival]:
    port = free_port()
    config = folder / "nginx.conf"
    cert, key = pair
    config.write_text(
        NGINX.format(folder=folder, cert=cert, key=key, port=port, site=site, varied=NGINX_VARIED)
    )
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") or "nginx"
    with _started([program, "-p", str(folder), "-c", str(config)]) as process:
        yield Rival("nginx", port, _worker_of(process, port))


@contextmanager
def peer(name: str, python: str, app: str, pair: tuple[str, str]) -> Iterator[Rival]:
    port = free_port()
    words = PEERS[name].format(port=port, app=app, cert=pair[0], key=pair[1]).split()
    with _started([python, "-m", *words], cwd=SERVED) as process:
        # granian's workers are its children; uvicorn's one is itself.
        yield Rival(name, port, _worker_of(process, port))


@contextmanager
def _started(
    command: list[str], cwd: str | Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _worker_of(process: subprocess.Popen[bytes], port: int) -> int:
    """Whoever serves, once it does: a port may be open before there is a worker."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def serves() -> bool:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} has ended with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port)) as sock, context.wrap_socket(sock):
                return True
        except OSError:
            return False

    eventually(serves, "it serves")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
    # Python's multiprocessing has a process that counts semaphores, too: the worker is the busier.
    found = [int(child) for child in children]
    return max(found, key=_resident, default=process.pid)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])


def session_of(rival: Rival) -> str:
    """Version, cipher, curve, and the tickets that a client gets."""
    done = subprocess.run(
        ["openssl", "s_client", "-ign_eof", "-connect", f"127.0.0.1:{rival.port}"],
        input=b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        capture_output=True,
        timeout=20,
    )
    text = done.stdout.decode("latin-1")
    version = re.search(r"New, (\S+), Cipher is (\S+)", text)
    curve = re.search(r"Server Temp Key: (\w+)", text)
    if version is None or curve is None:
        raise SystemExit(f"{rival.name} speaks no TLS: {text}{done.stderr.decode('latin-1')}")
    tickets = text.count("Post-Handshake New Session Ticket arrived")
    return f"{version[1]} {version[2]} {curve[1]}, {tickets} tickets"
