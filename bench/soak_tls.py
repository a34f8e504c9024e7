"""Clients that hold a TLS server up, and others that use it meanwhile: how long do those wait?

    python bench/soak_tls.py

A thousand clients connect and send one byte, a thousand begin a handshake and stop. Meanwhile
another process asks on one kept connection, a hundred times a second, and connects anew ten times.
What has to hold: 99 of 100 of these answers take at most 50 ms, and all the two thousand are let go
within 11 s. Needs trustme.
"""

from __future__ import annotations

import json
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from pem_files import Pems
from processes import eventually, serving

CLIENTS = 1000
P99_S, GONE_S = 0.050, 11.0
ASKING = """
import json, socket, ssl, sys, time
port, cafile, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
context = ssl.create_default_context(cafile=cafile)
GET = b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
def connect():
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    return context.wrap_socket(plain, server_hostname="localhost")
def ask(sock):
    began = time.monotonic()
    sock.sendall(GET)
    assert sock.recv(65536).startswith(b"HTTP/1.1 200")
    return time.monotonic() - began
kept, answers, connects = connect(), [], []
print("asking", flush=True)
until, number = time.monotonic() + seconds, 0
while time.monotonic() < until:
    answers.append(ask(kept))
    number += 1
    if number % 10 == 0:
        began = time.monotonic()
        with connect() as sock:
            ask(sock)
        connects.append(time.monotonic() - began)
    time.sleep(0.01)
print(json.dumps([answers, connects]))
"""


def hello(cafile: str) -> bytes:
    """The first flight of a client."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=cafile)
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 8192), limit))
    folder = Path(tempfile.mkdtemp(prefix="soak-tls-"))
    (folder / "index.html").write_text("the page")
    pems = Pems(folder)
    cert, key = pems.pair("localhost")
    quiet = ("--no-access-log", "--timeout-keep-alive", "60")
    with serving(folder, "--ssl-certfile", cert, "--ssl-keyfile", key, *quiet) as server:
        before = server.status("VmRSS")
        asking = subprocess.Popen(
            [sys.executable, "-c", ASKING, str(server.port), pems.ca, "16"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert asking.stdout is not None
        asking.stdout.readline()
        open_before = len(server.sockets())
        began = time.monotonic()
        clients = []
        for first in (b"\x16", hello(pems.ca)):
            for _ in range(CLIENTS):
                sock = socket.create_connection(server.address)
                sock.sendall(first)
                clients.append(sock)
        connected = time.monotonic()
        held = (server.status("VmRSS") - before) / len(clients)
        eventually(lambda: len(server.sockets()) <= open_before + 2, "all are gone", 60)
        gone = time.monotonic()
        answers, connects = json.loads(asking.communicate()[0])
        for sock in clients:
            sock.close()
    print(f"{len(clients)} clients connected in {connected - began:.1f} s, {held:.1f} KiB each")
    print(f"the last was let go {gone - connected:.1f} s after it had connected")
    for name, values in (("answers", answers), ("connects", connects)):
        print(
            f"{len(values)} {name}: median {statistics.median(values) * 1e3:.1f} ms, "
            f"p99 {percentile(values, 0.99) * 1e3:.1f} ms, worst {max(values) * 1e3:.1f} ms"
        )
    if percentile(answers, 0.99) > P99_S or gone - connected > GONE_S:
        raise SystemExit("not what has to hold")


if __name__ == "__main__":
    main()
