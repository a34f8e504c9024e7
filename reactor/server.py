"""A server: listeners, the app behind them, signals, and a stop that loses nothing.

The first signal to stop closes the listeners and lets the responses under way
finish; connections that wait for a request are closed at once. The second one,
or the end of `Limits.graceful_timeout_s`, closes what is left.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Literal

from reactor._date import DateField
from reactor.access_log import AccessLog
from reactor.apps.load import ProtocolFactory, as_app, load_target
from reactor.apps.wsgi import WsgiApp
from reactor.http._server import ServerMachines
from reactor.http._service import Service
from reactor.http.app import App
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop.stall import StallWatch
from reactor.net import Address, Inet, Reactor, listen_sockets
from reactor.net.address import bound_address

Model = Literal["reactor", "threads"]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Server:
    """Serves a protocol on listening sockets until a signal, with one reactor and no thread."""

    def __init__(
        self,
        sockets: list[socket.socket],
        factory: ProtocolFactory,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._reactor = Reactor()
        self._watch = StallWatch(self._reactor, limits.stall_warning_s)
        self._limits = limits
        self._listener = self._reactor.serve(sockets, factory, limits)
        self._stopping = False

    def run(self, on_running: Callable[[], object] | None = None) -> None:
        """Serve until `stop` has done its work, or SIGINT or SIGTERM has asked for it.

        ``on_running`` is called when these signals are waited for.
        """
        for number in STOP_SIGNALS:
            self._reactor.on_signal(number, self.stop)
        if on_running is not None:
            self._reactor.call_soon(on_running)
        self._watch.start()
        try:
            with self._reactor:
                self._reactor.run()
        finally:
            self._watch.stop()

    def stop(self) -> None:
        """Finish the responses under way, then end `run`. Called again: end it now."""
        if self._stopping:
            self._reactor.stop()
            return
        self._stopping = True
        self._reactor.call_later(self._limits.graceful_timeout_s, self._reactor.stop)
        self._listener.finish(on_empty=self._reactor.stop)


def protocol_factory(
    app: App | ProtocolFactory, limits: Limits, log: Callable[[str], object] | None
) -> ProtocolFactory:
    """What makes the protocol of a connection: the HTTP machine of an app, or a TCP protocol."""
    if isinstance(app, type):
        return app
    http_app: Any = app
    return ServerMachines(Service(http_app, limits, DateField(), AccessLog(log, limits)))


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
        on_listening: is called with the listening sockets, once signals end it gracefully.

    Raises:
        ConfigurationError: the target or an address cannot be served; the message says why.
    """
    app = (
        load_target(target, limits)
        if isinstance(target, str)
        else as_app(target, repr(target), limits)
    )
    factory = protocol_factory(app, limits, access_log)
    addresses = list(bind) or [Inet(host, port)]
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            sockets += listen_sockets(address, limits.backlog)
        if isinstance(app, WsgiApp):
            app.serving(bound_address(sockets[0]), multithread=model == "threads")
        on_running = None if on_listening is None else partial(on_listening, sockets)
        if model == "threads":
            _run_threads(sockets, factory, limits, on_running)
        else:
            Server(sockets, factory, limits).run(on_running)
    finally:
        for sock in sockets:
            sock.close()


def _run_threads(
    sockets: list[socket.socket],
    factory: ProtocolFactory,
    limits: Limits,
    on_running: Callable[[], object] | None,
) -> None:
    # Only this model pays for threads.
    from reactor.threads import ThreadServer

    server = ThreadServer(sockets, factory, limits)

    def on_signal(number: int, frame: object) -> None:
        if server.stopping:
            raise KeyboardInterrupt  # the second one: at once
        server.stop_accepting()

    before = {number: signal.signal(number, on_signal) for number in STOP_SIGNALS}
    try:
        if on_running is not None:
            on_running()
        server.run()
        with suppress(KeyboardInterrupt):
            server.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
