"""A server that means ill: one canned behaviour a listener, as data.

A `Case` is what one server does to whoever connects (`steps`), how the client is called, and the
exit codes with which it may end. A `Hostile` plays it, with a second origin beside it that
answers everybody and records what it is told, so that a secret which crosses over is seen. It
knows nothing of our client: any program that fetches URLs can be set before it.
"""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 20.0
HOST = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"


# --- steps -----------------------------------------------------------------------------------


@dataclass
class Peer:
    """A client that has connected, and all that it said to anyone."""

    sock: socket.socket
    received: list[bytes]

    def recv(self) -> bytes:
        data = self.sock.recv(65536)
        self.received.append(data)
        return data


Step = bytes | Callable[[Peer], None]


def ask(peer: Peer) -> None:
    """Read a request's head."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = peer.recv()
        if not data:
            raise ConnectionError("nothing more was asked")
        head += data


def wait(peer: Peer) -> None:
    """Say nothing more until the client is gone."""
    while peer.recv():
        pass


def reset(peer: Peer) -> None:
    """End with a RST."""
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.sock.close()


def cut(peer: Peer) -> None:
    """End the TCP connection, under TLS without close_notify."""
    socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)


def under_tls(data: bytes) -> Step:
    """Send bytes that are no TLS records in the midst of them."""
    return lambda peer: socket.socket.sendall(peer.sock, data)


def repeat(data: bytes, times: int = 1_000_000) -> Step:
    """Send the same again and again, until it is enough or the client goes."""
    block = data * max(1, min(times, 65536 // len(data)))

    def send(peer: Peer) -> None:
        for _ in range(max(1, times * len(data) // len(block))):
            peer.sock.sendall(block)

    return send


def trickle(data: bytes, gap_s: float = 1.0) -> Step:
    """Send byte by byte, with a pause after each."""

    def send(peer: Peer) -> None:
        peer.sock.settimeout(gap_s)
        for byte in data:
            peer.sock.sendall(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                if not peer.recv():
                    return

    return send


def by_range(rest: Step, whole: Step) -> Step:
    """One answer to whoever has asked for the rest of something, another to all others."""

    def send(peer: Peer) -> None:
        step = rest if b"\r\nRange: " in peer.received[-1] else whole
        if isinstance(step, bytes):
            peer.sock.sendall(step)
        else:
            step(peer)

    return send


# --- what is played ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One behaviour.

    In ``steps`` and ``options`` these words are replaced: {self} and {other}, the authorities of
    the two origins, and {ca}, the file with the certificate authority that the good one trusts.
    """

    name: str
    steps: tuple[Step, ...]
    codes: tuple[int, ...]
    # What is saved when the client ends with 0.
    body: bytes = b"body"
    options: tuple[str, ...] = ()
    # A key of `certificates`, or None for plain TCP; and that of the second origin.
    tls: str | None = None
    other_tls: str | None = None
    # What the client believes to be spoken here, when that is not what is.
    scheme: str | None = None
    path: str = "/page"
    # It ends by its --max-time only; long enough for a loaded machine in the other cases.
    max_time_s: float = 15.0
    env: tuple[tuple[str, str], ...] = ()
    # What an earlier try has left of version "v1" of this page.
    part: bytes = b""


# --- the server ------------------------------------------------------------------------------


class Listener:
    """Plays its steps to each client, on a thread of its own; remembers what it was told."""

    def __init__(self, steps: tuple[Step, ...], tls: ssl.SSLContext | None) -> None:
        self._steps = steps
        self._tls = tls
        self._socket = socket.create_server((HOST, 0))
        self.authority = f"{HOST}:{self._socket.getsockname()[1]}"
        self.words: dict[bytes, bytes] = {}
        self.received: list[bytes] = []
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self._clients.append(client)
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(PATIENCE_S)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
                self._clients.append(client)
            with client:
                self._play(Peer(client, self.received))
                if isinstance(client, ssl.SSLSocket) and client.fileno() >= 0:
                    client.unwrap()

    def _play(self, peer: Peer) -> None:
        for step in self._steps:
            if isinstance(step, bytes):
                peer.sock.sendall(self._filled(step))
            else:
                step(peer)

    def _filled(self, data: bytes) -> bytes:
        for word, meaning in self.words.items():
            data = data.replace(word, meaning)
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes its accept
        self._threads[0].join()
        self._socket.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(client, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


class Hostile:
    """A case, played; and the origin next to it."""

    def __init__(self, case: Case, certificates: dict[str, ssl.SSLContext], ca: Path) -> None:
        def context(name: str | None) -> ssl.SSLContext | None:
            return None if name is None else certificates[name]

        self.case = case
        self.one = Listener(case.steps, context(case.tls))
        self.other = Listener((ask, OK), context(case.other_tls))
        self._words = {
            "{self}": self.one.authority,
            "{self_port}": self.one.authority.rpartition(":")[2],
            "{other}": self.other.authority,
            "{ca}": str(ca),
        }
        self.one.words = {a.encode(): b.encode() for a, b in self._words.items()}
        scheme = case.scheme or ("https" if case.tls else "http")
        self.url = f"{scheme}://{self.one.authority}{case.path}"

    def filled(self, text: str) -> str:
        for word, meaning in self._words.items():
            text = text.replace(word, meaning)
        return text

    @property
    def options(self) -> list[str]:
        return [self.filled(option) for option in self.case.options]

    @property
    def env(self) -> dict[str, str]:
        return {name: self.filled(value) for name, value in self.case.env}

    def __enter__(self) -> Hostile:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.one.close()
        self.other.close()


def certificates(folder: Path) -> tuple[dict[str, ssl.SSLContext], Path]:
    """Server contexts by what is wrong with them, and the file of the trusted authority."""
    import trustme

    trusted, unknown = trustme.CA(), trustme.CA()
    ca = folder / "ca.pem"
    trusted.cert_pem.write_to_path(str(ca))
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = {
        "good": trusted.issue_cert(HOST, "localhost"),
        "wrong host": trusted.issue_cert("other.example"),
        "wrong address": trusted.issue_cert("127.0.0.2"),
        "common name only": trusted.issue_cert("other.example", common_name=HOST),
        "expired": trusted.issue_cert(HOST, not_before=now - 9 * day, not_after=now - day),
        "not yet": trusted.issue_cert(HOST, not_before=now + day, not_after=now + 9 * day),
        "unknown authority": unknown.issue_cert(HOST),
    }
    contexts = {}
    for name, leaf in made.items():
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(contexts[name])
    contexts["self-signed"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    unknown.private_key_pem.write_to_path(str(folder / "key.pem"))
    unknown.cert_pem.write_to_path(str(folder / "self.pem"))
    contexts["self-signed"].load_cert_chain(folder / "self.pem", folder / "key.pem")
    contexts["asks for a certificate"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made["good"].configure_cert(contexts["asks for a certificate"])
    contexts["asks for a certificate"].verify_mode = ssl.CERT_REQUIRED
    trusted.configure_trust(contexts["asks for a certificate"])
    return contexts, ca
