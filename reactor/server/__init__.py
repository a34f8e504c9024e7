"""A server: listeners, the app behind them, signals, and a stop that loses nothing.

What a stop does, and when, is in docs/stop.md. In short: who has asked is answered, who is
idle may ask once more within a grace, and the last answer of a connection says that it is.
The second signal, or the end of `Limits.graceful_timeout_s`, ends what is left.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Literal, get_args

from reactor.apps.load import ProtocolFactory, as_app, load_target
from reactor.errors import ConfigurationError
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachines
from reactor.http.app import App, ServingContext
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop._core import EVENT_READ
from reactor.loop.stall import StallWatch
from reactor.net import Address, Bind, Descriptor, Inet, Reactor, listen_sockets
from reactor.net.address import bound_address
from reactor.net.descriptors import connections_max, with_body_files
from reactor.server._date import DateField
from reactor.server.access_log import AccessLog
from reactor.server.body_files import BodyFiles, body_files_for
from reactor.server.stopping import (
    SAID_AFTER_S,
    StopSignals,
    WakePipe,
    idle_grace_s,
    say_cut,
    say_waiting,
)

Model = Literal["reactor", "threads"]
# Where to listen: an address, what `--bind` takes, or a socket that listens already.
Where = Bind | Address | Descriptor | str | socket.socket


class LoopServer:
    """Serves a protocol on listening sockets until it is stopped, with one reactor, no thread."""

    def __init__(
        self,
        sockets: list[socket.socket],
        factory: ProtocolFactory,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._reactor = Reactor()
        self._watch = StallWatch(self._reactor, limits.stall_warning_s)
        self._limits = limits
        self._factory = factory
        self._what = "response" if hasattr(factory, "drain") else "connection"
        self._listener = self._reactor.serve(sockets, factory, limits)
        self._wake = WakePipe()
        self._reactor.register(self._wake, EVENT_READ, self._wake)
        self._stopping = False

    def run(self, on_running: Callable[[], object] | None = None) -> int | None:
        """Serve until `stop`, or SIGINT or SIGTERM, has done its work; the signal that ended it
        while something was under way, None for an orderly end.

        ``on_running`` is called when signals are waited for.
        """
        if on_running is not None:
            self._reactor.call_soon(on_running)
        self._watch.start()
        try:
            # The end of the connections is under the signals too: it calls the application.
            with StopSignals(self, self._wake, self._limits) as signals, self._reactor:
                self._reactor.run()
        finally:
            self._watch.stop()
        return signals.insisted

    def stop(self, grace_s: float | None = None) -> None:
        """Finish what is under way, then end `run`. For any thread. Called again: end it now."""
        grace_s = idle_grace_s(self._limits) if grace_s is None else grace_s
        if hasattr(self._factory, "drain"):
            # Not in the loop's turn: the answer that an application is about to give says close.
            self._factory.drain(grace_s)
        with suppress(RuntimeError):  # it has ended
            self._reactor.call_soon_threadsafe(self._stop, grace_s)

    def close(self) -> None:
        self._reactor.close()
        self._wake.close()

    def blocked(self) -> bool:
        loop = self._reactor
        return loop.in_turn and loop.clock() - loop.turn_began > self._limits.stall_warning_s

    def _stop(self, grace_s: float) -> None:
        if self._stopping:
            self._reactor.stop()
            return
        self._stopping = True
        later = self._reactor.call_later
        later(grace_s, self._end_streams)
        later(SAID_AFTER_S, self._say_waiting, grace_s)
        later(self._limits.graceful_timeout_s, self._cut)
        self._listener.finish(grace_s, on_empty=self._reactor.stop)

    def _end_streams(self) -> None:
        if hasattr(self._factory, "end_streams"):
            self._factory.end_streams()
        self._listener.end_streams()

    def _say_waiting(self, grace_s: float) -> None:
        busy = self._listener.under_way
        say_waiting(self._what, busy, len(self._listener) - busy, self._limits, grace_s)

    def _cut(self) -> None:
        say_cut(self._what, self._listener.under_way, self._limits)
        self._reactor.stop()


def protocol_factory(
    app: App | ProtocolFactory,
    limits: Limits,
    log: Callable[[str], object] | None,
    body_files: BodyFiles | None = None,
) -> ProtocolFactory:
    """What makes the protocol of a connection: the HTTP machine of an app, or a TCP protocol."""
    if isinstance(app, type):
        return app
    http_app: Any = app
    open_file = None if body_files is None else body_files.open
    context = ServerContext(http_app, limits, DateField(), AccessLog(log, limits), open_file)
    return ServerMachines(context)


class Server:
    """A server that listens already, on `sockets`, and serves while `run` runs.

        server = Server(app, port=0)
        thread = threading.Thread(target=server.run)
        thread.start()
        print(server.urls)
        server.stop()
        thread.join()

    Args:
        target: a folder's path or ``"module:attr"`` as on the command line, or the
            handler or protocol class itself.
        host, port: where to listen; port 0 lets the kernel pick one.
        bind: where to listen instead of host and port: addresses, what ``--bind`` takes as a str,
            or sockets that listen already, which are the server's from here on.
        model: ``"reactor"``, or ``"threads"`` for the documented thread-per-connection one.
        access_log: is called with each line of the access log.
        body_dir: the folder for files of large request bodies; by default the system's temporary
            one. ``body_files`` has its path, and whether it is memory; None if there are none.

    Raises:
        ConfigurationError: the target or an address cannot be served, or there is no such model;
            the message says why.
    """

    def __init__(
        self,
        target: Any = ".",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        bind: Iterable[Where] = (),
        model: Model = "reactor",
        limits: Limits = DEFAULT_LIMITS,
        access_log: Callable[[str], object] | None = None,
        body_dir: str | None = None,
    ) -> None:
        _check_model(model)
        app = (
            load_target(target, limits)
            if isinstance(target, str)
            else as_app(target, repr(target), limits)
        )
        connections_max(limits)  # before anything is opened: there may be too few descriptors
        self.body_files = body_files_for(app, limits, body_dir)
        if self.body_files is not None:
            limits = with_body_files(limits)
        factory = protocol_factory(app, limits, access_log, self.body_files)
        self.sockets: list[socket.socket] = []
        try:
            for where in list(bind) or [Inet(host, port)]:
                if isinstance(where, socket.socket):
                    self.sockets.append(where)
                else:
                    self.sockets += listen_sockets(where, limits.backlog)
            addresses = [bound_address(sock) for sock in self.sockets]
            if isinstance(factory, ServerMachines) and hasattr(app, "serving"):
                threads = connections_max(limits) if model == "threads" else 1
                app.serving(
                    ServingContext(tuple(addresses), threads=threads, draining=factory.is_draining)
                )
            scheme = "tcp" if isinstance(app, type) else "http"
            self.urls = [_url(scheme, address) for address in addresses]
            self._was_run = False
            self._server = _server_of(model)(self.sockets, factory, limits)
        except OSError as error:  # no descriptor, no memory, or no room in epoll
            self._close_sockets()
            raise ConfigurationError(f"the server cannot start: {error.strerror}") from error
        except BaseException:
            self._close_sockets()
            raise

    def run(
        self, on_listening: Callable[[list[socket.socket]], object] | None = None
    ) -> int | None:
        """Serve until `stop`; in the main thread SIGINT and SIGTERM stop it too. Once only.

        ``on_listening`` is called with the listening sockets, once signals end it gracefully.
        Returns None; or, if a second signal has cut off what was under way, that signal.

        Raises:
            RuntimeError: it was run, or closed, before.
        """
        if self._was_run:
            raise RuntimeError("a Server runs once, then its sockets are closed: make another one")
        self._was_run = True
        try:
            on_running = None if on_listening is None else partial(on_listening, self.sockets)
            insisted: int | None = self._server.run(on_running)
            return insisted
        finally:
            self.close()

    def stop(self, idle_grace_s: float | None = None) -> None:
        """Finish what is under way, then end `run` (docs/stop.md). Called again: end it now.

        For any thread, and before `run` too. ``idle_grace_s`` is how long connections that are
        idle may send one more request; default: 5 s, unless the limits say less.

        Raises:
            TypeError, ValueError: that is no number of seconds; the server goes on.
        """
        if idle_grace_s is not None:
            # Here, for its caller: in the loop it would end the server instead of the stop.
            idle_grace_s = _checked_seconds(idle_grace_s)
        self._server.stop(idle_grace_s)

    def close(self) -> None:
        """Give up everything, if `run` is not called. Idempotent."""
        self._was_run = True
        self._server.close()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for sock in self.sockets:
            sock.close()


def _check_model(model: Model) -> None:
    if model not in get_args(Model):
        known = " or ".join(map(repr, get_args(Model)))
        raise ConfigurationError(f"there is no model {model!r}: write {known}")


def _checked_seconds(seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"a time is a number of seconds, not {seconds!r}")
    if not seconds >= 0:
        raise ValueError(f"a time is not below zero, and not nan, so not {seconds!r}")
    return float(seconds)


def _server_of(model: Model) -> Any:
    if model == "reactor":
        return LoopServer
    # Only this model pays for threads.
    from reactor.server.threads import ThreadServer

    return ThreadServer


def _url(scheme: str, address: Address) -> str:
    if not isinstance(address, Inet):
        return str(address)
    return f"http://{address}/" if scheme == "http" else f"{scheme}://{address}"


def serve(
    target: Any = ".",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    bind: Iterable[Where] = (),
    model: Model = "reactor",
    limits: Limits = DEFAULT_LIMITS,
    access_log: Callable[[str], object] | None = None,
    body_dir: str | None = None,
    on_listening: Callable[[list[socket.socket]], object] | None = None,
) -> None:
    """Serve a folder, a handler or a TCP protocol until SIGINT or SIGTERM.

    Arguments and ConfigurationError are `Server`'s; ``on_listening`` is that of `Server.run`.
    In a thread other than the main one no signal is heard: use `Server`, which has a `stop`.
    """
    server = Server(
        target,
        host=host,
        port=port,
        bind=bind,
        model=model,
        limits=limits,
        access_log=access_log,
        body_dir=body_dir,
    )
    server.run(on_listening)
