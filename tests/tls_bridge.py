"""A bridge from plain sockets to a server that speaks TLS, so that a test of the wire can be run
again over TLS as it stands: bytes, half-closes and resets pass both ways.

With `FOLDER` set, `processes.serving` starts servers with a certificate and puts a bridge in front.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

FOLDER = os.environ.get("REACTOR_TESTS_OVER_TLS", "")
HELD_BYTES = 65536
RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: at once


def options() -> tuple[str, ...]:
    """What a server is started with."""
    return ("--ssl-certfile", f"{FOLDER}/localhost.pem", "--ssl-keyfile", f"{FOLDER}/localhost.key")


class Bridge:
    """Listens on `port`; what comes is handed to ``address`` over TLS."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._context = ssl.create_default_context(cafile=str(Path(FOLDER) / "ca.pem"))
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Wakes the thread that accepts, which a close alone does not.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(plain,), daemon=True).start()

    def _carry(self, plain: socket.socket) -> None:
        # Little is held here: what nobody reads stays with the server.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, HELD_BYTES)
        secured = socket.socket()
        secured.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD_BYTES)
        try:
            secured.connect(self._address)
        except OSError:
            reset(plain)
            secured.close()
            return
        Pair(plain, secured, self._context).run()


def reset(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.shutdown(socket.SHUT_RD)  # wakes the thread that reads, or nothing would be closed
    sock.close()


class Pair:
    """One connection, both halves of it."""

    def __init__(
        self, plain: socket.socket, secured: socket.socket, context: ssl.SSLContext
    ) -> None:
        self._plain, self._secured = plain, secured
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # An address is no name of SNI, so that the tests may ask for any host.
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self._lock = threading.Lock()
        self._over = False

    def run(self) -> None:
        for sock in (self._plain, self._secured):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._shake()
            there = threading.Thread(target=self._to_server, daemon=True)
            there.start()
            self._to_client()
            there.join()
        except OSError:
            self._over = True
            reset(self._plain)
            reset(self._secured)
        else:
            self._plain.close()
            self._secured.close()

    def _shake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._secured.sendall(self._outgoing.read())
                data = self._secured.recv(65536)
                if not data:
                    raise ConnectionResetError from None
                self._incoming.write(data)
            else:
                self._secured.sendall(self._outgoing.read())
                return

    def _to_server(self) -> None:
        try:
            while data := self._plain.recv(65536):
                with self._lock:
                    self._tls.write(data)
                    sent = self._outgoing.read()
                self._send(sent)
            # Our close_notify: the other direction stays open. `unwrap` looks for the server's, and
            # would stumble over data that is held.
            while self._held():
                time.sleep(0.001)
            with self._lock, suppress(ssl.SSLError):
                self._tls.unwrap()
            self._secured.sendall(self._outgoing.read())
        except OSError:
            reset(self._secured)
            with suppress(OSError):
                self._plain.shutdown(socket.SHUT_RDWR)

    def _send(self, data: bytes) -> None:
        """To a server that may read nothing: a reset of the client ends that wait, which a close by
        another thread would not."""
        while data:
            _, writable, _ = select.select([], [self._secured], [], 0.05)
            if self._over:
                raise ConnectionResetError
            if writable:
                with suppress(BlockingIOError):
                    data = data[self._secured.send(data, socket.MSG_DONTWAIT) :]

    def _held(self) -> int:
        with self._lock:
            return self._incoming.pending

    def _to_client(self) -> None:
        while data := self._secured.recv(65536):
            for part in self._decrypted(data):
                if not part:
                    self._plain.shutdown(socket.SHUT_WR)
                    return
                self._plain.sendall(part)
        with suppress(OSError):
            self._plain.shutdown(socket.SHUT_WR)

    def _decrypted(self, data: bytes) -> list[bytes]:
        parts = []
        with self._lock, suppress(ssl.SSLWantReadError):
            self._incoming.write(data)
            try:
                while part := self._tls.read(65536):
                    parts.append(part)
            except ssl.SSLZeroReturnError:
                pass  # the same end, after ours
            parts.append(b"")
        return parts
