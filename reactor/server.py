"""A server: listeners, the app behind them, signals, and a stop that loses nothing.

The first signal to stop closes the listeners and lets the responses under way
finish; connections that wait for a request are closed at once. The second one,
or the end of `Limits.graceful_timeout_s`, closes what is left.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal, Protocol

from reactor.access_log import AccessLog
from reactor.apps.load import ProtocolFactory, as_app, load_target
from reactor.http.app import App
from reactor.http.dates import format_date
from reactor.http.server import ServerMachine
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.net import Acceptor, Address, Connection, Inet, Reactor, Unix, listen_sockets

Model = Literal["reactor", "threads"]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Finishing(Protocol):
    """A protocol that knows how to end after the response under way."""

    def finish(self) -> None: ...


class DateField:
    """The Date field's value, made once a second."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._value = b""

    def __call__(self) -> bytes:
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._value = format_date(second).encode("ascii")
        return self._value


class Server:
    """Serves a protocol on listening sockets, with one reactor and no thread.

    Args:
        sockets: listening, non-blocking; the server owns them.
        factory: makes the protocol of each connection.
        limits: among them how many connections there may be.
        reactor: one to share; None makes one.
    """

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        factory: ProtocolFactory,
        limits: Limits = DEFAULT_LIMITS,
        reactor: Reactor | None = None,
    ) -> None:
        self.reactor = Reactor() if reactor is None else reactor
        self._factory = factory
        self._limits = limits
        self._connections: set[Connection] = set()
        self._connections_max = connections_max(limits)
        self._stopping = False
        self._acceptors = [Acceptor(self.reactor, sock, self._accepted, limits) for sock in sockets]

    def run(self) -> None:
        """Serve until `stop` has done its work, or SIGINT or SIGTERM has asked for it."""
        for number in STOP_SIGNALS:
            self.reactor.on_signal(number, self.stop)
        try:
            self.reactor.run()
        finally:
            self.close()

    def stop(self) -> None:
        """Finish the responses under way, then end `run`. Called again: end it now."""
        if self._stopping:
            self.reactor.stop()
            return
        self._stopping = True
        for acceptor in self._acceptors:
            acceptor.close()
        for connection in list(self._connections):
            self._finish(connection)
        self.reactor.call_later(self._limits.graceful_timeout_s, self.reactor.stop)
        self._stop_when_empty()

    def close(self) -> None:
        """Abort every connection and release everything. Idempotent."""
        for acceptor in self._acceptors:
            acceptor.close()
        for connection in list(self._connections):
            connection.abort()
        self.reactor.close()

    def _accepted(self, sock: socket.socket, peer: Any) -> None:
        try:
            protocol = self._factory()
        except Exception as exception:
            self.reactor.report(exception, f"making a protocol with {self._factory!r}")
            sock.close()
            return
        connection = Connection(self.reactor, sock, protocol, peer, self._limits, self._closed)
        self._connections.add(connection)
        if len(self._connections) >= self._connections_max:
            for acceptor in self._acceptors:
                acceptor.hold()
        connection.open()

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self._stopping:
            self._stop_when_empty()
        elif len(self._connections) == self._connections_max - 1:
            for acceptor in self._acceptors:
                acceptor.release()

    def _finish(self, connection: Connection) -> None:
        protocol = connection.protocol
        if hasattr(protocol, "finish"):
            protocol.finish()
        else:
            connection.close()

    def _stop_when_empty(self) -> None:
        if not self._connections:
            self.reactor.stop()


def connections_max(limits: Limits) -> int:
    """As many as the limits allow and the process has descriptors for."""
    try:
        import resource  # not on every system; without it the limits alone hold
    except ImportError:
        return limits.connections_max
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections_max + limits.reserved_descriptors
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return limits.connections_max
    return max(1, min(limits.connections_max, soft - limits.reserved_descriptors))


def protocol_factory(
    app: App | ProtocolFactory, limits: Limits, log: Callable[[str], object] | None
) -> ProtocolFactory:
    """What makes the protocol of a connection: the HTTP machine of an app, or a TCP protocol."""
    if isinstance(app, type):
        return app
    date, journal = DateField(), AccessLog(log)
    http_app: Any = app
    return lambda: ServerMachine(http_app, limits, date, journal)


def serve(
    target: Any = ".",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    bind: Iterable[Address] = (),
    model: Model = "reactor",
    limits: Limits = DEFAULT_LIMITS,
    access_log: Callable[[str], object] | None = None,
    on_listening: Callable[[list[socket.socket]], object] | None = None,
) -> None:
    """Serve a folder, a handler or a TCP protocol until SIGINT or SIGTERM.

    Args:
        target: a folder's path or ``"module:attr"`` as on the command line, or the
            handler or protocol class itself.
        host, port: where to listen; port 0 lets the kernel pick one.
        bind: addresses to listen on instead of host and port.
        model: ``"reactor"``, or ``"threads"`` for the documented thread-per-connection one.
        access_log: is called with each line of the access log.
        on_listening: is called with the listening sockets before the first accept.

    Raises:
        ConfigurationError: the target or an address cannot be served; the message says why.
    """
    app = load_target(target) if isinstance(target, str) else as_app(target, repr(target))
    factory = protocol_factory(app, limits, access_log)
    addresses = list(bind) or [Inet(host, port)]
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            sockets += listen_sockets(address, limits.backlog)
        if on_listening is not None:
            on_listening(sockets)
        if model == "threads":
            _run_threads(sockets, factory, limits)
        else:
            Server(sockets, factory, limits).run()
    finally:
        for sock in sockets:
            sock.close()
        for address in addresses[: len(sockets)]:
            if isinstance(address, Unix):
                with suppress(FileNotFoundError):
                    os.unlink(address.path)


def _run_threads(sockets: list[socket.socket], factory: ProtocolFactory, limits: Limits) -> None:
    # Only this model pays for threads.
    from reactor.threads import ThreadServer

    server = ThreadServer(sockets, factory, limits)
    connections_max(limits)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.run()
    except KeyboardInterrupt:
        with suppress(KeyboardInterrupt):  # the second one: at once
            server.stop()
    finally:
        signal.signal(signal.SIGTERM, before)
