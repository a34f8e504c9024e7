"""What the tests of `TlsConnection` share: a reactor in a thread, clients that speak TLS, and an
OpenSSL that does what a test says."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
from pem_files import Pems
from processes import PATIENCE_S

from reactor.limits import DEFAULT_LIMITS
from reactor.net import Bind, Inet, Reactor, listen_sockets
from reactor.net._tls_connection import ServerTls
from reactor.server.tls import Contexts, TlsOptions


class Wire:
    """A listener with TLS, its reactor in a thread of its own."""

    def __init__(self, pems: Pems, pair: tuple[str, str]) -> None:
        self.pems = pems
        self.contexts = Contexts(TlsOptions(certificates=(pair,)))

    @contextmanager
    def serving(self, factory, limits=DEFAULT_LIMITS, alpn=(), where=None, selector=None):
        self.reactor = Reactor(selector)
        self.tls = ServerTls(self.contexts.serving, limits, alpn)
        bind = Bind(where or Inet("127.0.0.1", 0), tls=True)
        sockets = listen_sockets(bind, 100)
        self.listener = self.reactor.serve(sockets, factory, limits, self.tls)
        self.address = ("127.0.0.1", getattr(self.listener.addresses[0], "port", 0))
        thread = threading.Thread(target=self.reactor.run)
        thread.start()
        try:
            yield self
        finally:
            self.reactor.call_soon_threadsafe(self.reactor.stop)
            thread.join(PATIENCE_S)
            self.reactor.close()

    def plain(self, window: int | None = None) -> socket.socket:
        sock = socket.socket()
        if window is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        sock.settimeout(PATIENCE_S)
        sock.connect(self.address)
        return sock

    def client(self, context: ssl.SSLContext | None = None, window: int | None = None):
        """A client whose handshake is done, and that tells an end that is not signed."""
        context = context or self.pems.trusting()
        return context.wrap_socket(
            self.plain(window), server_hostname="localhost", suppress_ragged_eofs=False
        )

    def in_loop(self, call):
        """What ``call()`` returns in the loop's thread."""
        done, got = threading.Event(), []
        self.reactor.call_soon_threadsafe(lambda: (got.append(call()), done.set()))
        assert done.wait(PATIENCE_S)
        return got[0]


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    pems = Pems(tmp_path_factory.mktemp("pems"))
    return pems, pems.pair("localhost", "127.0.0.1")


@pytest.fixture
def wire(issued):
    return Wire(*issued)


def read_to_signed_end(sock: ssl.SSLSocket) -> bytes:
    """All that comes until close_notify; an end without it raises ssl.SSLEOFError."""
    received = bytearray()
    while data := sock.recv(262144):
        received += data
    return bytes(received)
