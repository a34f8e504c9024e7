"""Clients of a bind that speaks the PROXY protocol, until the proxy has said whose they are.

    accept ─> [the proxy is trusted] ─> header, within its time ─> connection, TLS or plain

What lies in the socket is looked at before it is taken, so that no byte behind the header is: it
may be the client's TLS. Whoever writes no header, or is none of the trusted proxies, is let go
without an answer: nothing that it sends may be read as a request.

Must never know: what follows.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from reactor.errors import RemoteProtocolError
from reactor.limits import Limits
from reactor.log import log
from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.net._socket import has_input, user_of
from reactor.parser._arrival import Arrival
from reactor.parser.proxy_header import FIXED_BYTES, ProxyHeader, parse_proxy_header


def introduced(peer: Any, header: ProxyHeader) -> tuple[Any, Arrival | None]:
    """Who the client is, and how it has come; ``peer`` is the proxy."""
    if header.source is None:
        return peer, None  # the proxy's own connection
    return header.source, Arrival("http", None, peer)


class HeaderReader:
    """Takes the header from a socket, and nothing behind it."""

    def __init__(self, sock: socket.socket, version: str, limits: Limits) -> None:
        self._sock = sock
        self._version = version
        self._bytes_max = limits.proxy_header_bytes_max
        self._came = b""

    def read(self) -> ProxyHeader | None:
        """None: it is not whole yet.

        Raises:
            RemoteProtocolError: it is no header.
            OSError: the connection has ended before it; BlockingIOError, TimeoutError: nothing has
            come.
        """
        seen = self._receive(FIXED_BYTES + self._bytes_max, socket.MSG_PEEK)
        if not seen and self._came:
            raise RemoteProtocolError(400, "proxy-header", "it ended in its header")
        if not seen:
            raise ConnectionError("it ended before its header")
        header = parse_proxy_header(self._came + seen, self._version, self._bytes_max)
        # What has come of a header that is not whole is all of it: it is taken, or the socket would
        # stay readable and the loop spin.
        mine = len(seen) if header is None else header.size - len(self._came)
        self._came += self._receive(mine, 0)
        return header

    def _receive(self, size: int, flags: int) -> bytes:
        return self._sock.recv(size, flags)


class Refusals:
    """Who is let go before anything is served: that is counted, and said, though not of each, since
    such clients are anybody's.

    Attributes:
        count: gets the reason of each, as `ProtocolError.code`.
    """

    count: Callable[[str], object] | None = None

    def __init__(self, limits: Limits) -> None:
        self._pause_s = limits.full_warning_s
        self._said_at = -math.inf
        self._more = 0

    def may_connect(self, listener: Any, fd: int, peer: Any) -> bool:
        """Whether a listening socket is for this client at all: of its users, or a proxy it
        trusts."""
        uids = getattr(listener, "uids", None)
        trusted = getattr(listener, "trusted", None)
        if uids is not None and user_of(fd) not in (0, os.geteuid(), *uids):
            self._count("peer-user")
        elif trusted is not None and not trusted.holds(peer):
            self._count("proxy-untrusted")
        else:
            return True
        return False

    def _count(self, reason: str) -> None:
        if self.count is not None:
            self.count(reason)

    def say(self, peer: Any, error: Exception) -> None:
        """No header came. Who has left before it, as a health check does, has broken no rule."""
        if isinstance(error, RemoteProtocolError):
            self._count(error.code)
        elif isinstance(error, TimeoutError):
            self._count("proxy-timeout")
        now = time.monotonic()
        if now - self._said_at < self._pause_s:
            self._more += 1
            return
        more = f", and {self._more} more before" if self._more else ""
        self._said_at, self._more = now, 0
        who = peer[0] if isinstance(peer, tuple) else "a client by a Unix socket"
        log(
            logging.WARNING, "closed a connection of %s without a PROXY header: %s%s",
            who, error, more,
        )  # fmt: skip


class ProxiedClient:
    """Handler of an accepted socket until its header is there; then it is ``on_over``'s.

    ``on_over(self, header, error)`` is called once: with what came, or why nothing does.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        peer: Any,
        version: str,
        limits: Limits,
        on_over: Callable[[ProxiedClient, ProxyHeader | None, Exception | None], object],
    ) -> None:
        self.peer = peer
        self._loop = loop
        self._sock = sock
        self._reader = HeaderReader(sock, version, limits)
        self._on_over = on_over
        self._grace_s = limits.silent_grace_s
        self.waits_since = loop.time()
        try:
            self._registration = loop.register(self._sock, EVENT_READ, self)
            loop.set_deadline(self._registration, limits.proxy_timeout_s)
        except BaseException:
            self._sock.close()
            raise

    def on_readable(self) -> None:
        try:
            header = self._reader.read()
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, RemoteProtocolError) as error:
            self._on_over(self, None, error)
            return
        if header is not None:
            self._on_over(self, header, None)

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        self._on_over(self, None, TimeoutError("its header did not come in time"))

    @property
    def gives_way(self) -> bool:
        """Whether it may be closed for another: its header has not come for long."""
        return self._loop.time() - self.waits_since >= self._grace_s

    def has_input(self) -> bool:
        return has_input(self._sock.fileno())

    def shed(self) -> None:
        self._on_over(self, None, ConnectionError("it was slow, and others waited for its place"))

    def release(self) -> int:
        """The descriptor, for somebody else."""
        self._loop.unregister(self._registration)
        return self._sock.detach()

    def close(self) -> None:
        self._loop.unregister(self._registration)
        self._loop.close_at_turn_end(self._sock)


def receive_header(sock: socket.socket, version: str, limits: Limits) -> ProxyHeader:
    """`HeaderReader` for a thread of its own: waits until the header is whole.

    Raises:
        RemoteProtocolError, OSError: as `HeaderReader.read`; TimeoutError, when its time is over.
    """
    reader = HeaderReader(sock, version, limits)
    until = time.monotonic() + limits.proxy_timeout_s
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("its header did not come in time")
        sock.settimeout(left)
        with suppress(BlockingIOError):
            header = reader.read()
            if header is not None:
                return header
