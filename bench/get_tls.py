"""What a client of TLS pays for the layer between its connection and its protocol.

    python bench/get_tls.py --rounds 9        needs trustme

    layer        `TlsProtocol`, as `get` has it: two buffers in memory, between `Connection` and
                 protocol
    socket       OpenSSL on the socket itself, as `TlsConnection` has it for servers; in Python
                 here, so what it costs compiled is less

Each is a client on one reactor, with the same protocol above it, of one server in a process of its
own: a file of 64 MiB, and small answers one after the other on a kept connection. CPU is the
client's own (process_time); the two take turns, A B B A, and the ratio is the median of pairs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from processes import serving

from reactor import Protocol, Reactor
from reactor.limits import DEFAULT_LIMITS
from reactor.loop._core import EVENT_READ
from reactor.net import Inet
from reactor.net.tls import TlsProtocol

FILE_BYTES = 64 * 1024 * 1024
SMALL_COUNT = 3000
REQUEST = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Asker(Protocol):
    """Asks so many times on one connection, for answers of one length."""

    def __init__(
        self, name: bytes, count: int, body_bytes: int, done: Callable[[], object]
    ) -> None:
        self._request = REQUEST % name
        self._left, self._body_bytes, self._done = count, body_bytes, done
        self._missing = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self._missing = -1
        self._left -= 1
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            head = data.find(b"\r\n\r\n") + 4
            if not data.startswith(b"HTTP/1.1 200") or head < 4:
                raise ValueError(data[:100])
            self._missing = self._body_bytes + head
        self._missing -= len(data)
        if self._missing == 0:
            if self._left:
                self._ask()
            else:
                self._done()


class OnSocket:
    """A handler that reads and writes by OpenSSL itself, as a client's `TlsConnection` would."""

    def __init__(self, reactor: Reactor, sock: ssl.SSLSocket, protocol: Asker) -> None:
        self._reactor, self._sock, self._protocol = reactor, sock, protocol
        self._ssl: Any = sock._sslobj  # type: ignore[attr-defined]
        self._view = memoryview(bytearray(DEFAULT_LIMITS.read_bytes_max))
        reactor.register(sock, EVENT_READ, self)
        protocol.connection_made(self)

    def fileno(self) -> int:
        return self._sock.fileno()

    def write(self, data: bytes) -> None:
        self._ssl.write(data)

    def on_readable(self) -> None:
        try:
            while count := self._ssl.read(len(self._view), self._view):
                self._protocol.data_received(bytes(self._view[:count]))
                if not self._ssl.pending():
                    return
        except ssl.SSLWantReadError:
            pass

    def on_writable(self) -> None: ...
    def on_deadline(self) -> None: ...


def by_layer(port: int, context: ssl.SSLContext, work: tuple[bytes, int, int]) -> float:
    with Reactor() as reactor:
        protocol = Asker(*work, reactor.stop)
        tls = TlsProtocol(context, protocol, fail, server_hostname="localhost")
        reactor.connect(Inet("127.0.0.1", port), lambda: tls, fail, limits=DEFAULT_LIMITS)
        began = time.process_time()
        reactor.run()
        return time.process_time() - began


def by_socket(port: int, context: ssl.SSLContext, work: tuple[bytes, int, int]) -> float:
    with Reactor() as reactor:
        protocol = Asker(*work, reactor.stop)
        began = time.process_time()
        plain = socket.create_connection(("127.0.0.1", port))
        sock = context.wrap_socket(plain, server_hostname="localhost")
        sock.setblocking(False)
        OnSocket(reactor, sock, protocol)
        reactor.run()
        spent = time.process_time() - began
        sock.close()
        return spent


def fail(error: Exception) -> None:
    raise error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    folder = Path(tempfile.mkdtemp(prefix="get-tls-"))
    (folder / "large").write_bytes(os.urandom(1024 * 1024) * (FILE_BYTES // 1024 // 1024))
    (folder / "small").write_bytes(b"Hello, World!")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    key.chmod(0o600)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        words = ("--ssl-certfile", str(cert), "--ssl-keyfile", str(key), "--no-access-log")
        with serving(str(folder), *words) as server:
            for row, work in (
                ("64 MiB", (b"large", 1, FILE_BYTES)),
                (f"{SMALL_COUNT} small", (b"small", SMALL_COUNT, 13)),
            ):
                compare(row, rounds, server.port, context, work)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(
    row: str, rounds: int, port: int, context: ssl.SSLContext, work: tuple[bytes, int, int]
) -> None:
    ways = (by_layer, by_socket)
    spent: dict[Any, list[float]] = {way: [] for way in ways}
    for number in range(-1, rounds):  # the first is a warm-up
        for way in ways if number % 2 == 0 else ways[::-1]:
            taken = way(port, context, work)
            if number >= 0:
                spent[way].append(taken)
    ratios = [b / a for a, b in zip(*spent.values(), strict=True)]
    layer, on_socket = (statistics.median(times) * 1e3 for times in spent.values())
    print(
        f"{row:12} layer {layer:8.1f} ms   socket {on_socket:8.1f} ms   "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


if __name__ == "__main__":
    main()
