"""A server: listeners, the app behind them, signals, and a stop that loses nothing.

What a stop does, and when, is in docs/stop.md. In short: who has asked is answered, who is
idle may ask once more within a grace, and the last answer of a connection says that it is.
The second signal, or the end of `Limits.graceful_timeout_s`, ends what is left.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, cast, get_args

from reactor.apps.folders_before import FoldersBefore
from reactor.apps.load import (
    Interface,
    ProtocolFactory,
    as_app,
    folder_of,
    is_folder,
    load_target,
)
from reactor.errors import ConfigurationError
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachines
from reactor.http.app import App, ServingContext
from reactor.http.websocket_options import DEFAULT_WEBSOCKETS, WebSocketOptions
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.net import Address, Bind, Descriptor, Inet, listen_sockets
from reactor.net.address import bound_address, is_secured, url_of
from reactor.net.descriptors import connections_max, with_body_files
from reactor.net.listening import check_distinct
from reactor.server._date import DateField
from reactor.server.access_log import AccessLog, AccessLogOptions
from reactor.server.body_files import BodyFiles, body_files_for
from reactor.server.edge import NO_POLICY, EdgePolicy, edge_of, trust_binds
from reactor.server.models import HostLoop, Model, hosting_of, server_of
from reactor.server.notify import Notifier
from reactor.server.redirects import redirects, set_up_redirects

if TYPE_CHECKING:
    from reactor.apps.static import StaticFolder
    from reactor.server.background import Background
    from reactor.server.status.observed import Observed
    from reactor.server.tls import Contexts, TlsOptions
    from reactor.server.workers.worker import Channel

# Where to listen: an address, what `--bind` takes, or a socket that listens already.
Where = Bind | Address | Descriptor | str | socket.socket

_ONCE = "a Server runs once, then its sockets are closed: make another one"


def protocol_factory(
    app: App | ProtocolFactory,
    limits: Limits,
    journal: AccessLog | None,
    body_files: BodyFiles | None = None,
    websockets: WebSocketOptions | None = None,
    folders: Mapping[str, StaticFolder] | None = None,
) -> ProtocolFactory:
    """What makes the protocol of a connection: the HTTP machine of an app, or a TCP protocol."""
    if isinstance(app, type):
        return app
    http_app: Any = app
    if folders:
        http_app = FoldersBefore(http_app, folders)
    journal = journal or AccessLog(None, limits)
    if journal.slow is not None:
        http_app = journal.slow.watched(http_app)
    open_file = None if body_files is None else body_files.open
    context = ServerContext(http_app, limits, DateField(), journal, open_file)
    context.websocket_options = websockets
    return ServerMachines(context)


class Server:
    """A server that listens already, on `sockets`, and serves while `run` runs.

        with Server(app, port=0) as server:     # in a thread of its own
            print(server.urls)

        Server(app).run()                       # here, until it is stopped

    Args:
        target: a folder's path or ``"module:attr"`` as on the command line, or the
            application, handler or protocol class itself.
        host, port: where to listen; port 0 lets the kernel pick one.
        bind: where to listen instead of host and port, one or several: addresses, texts as
            ``--bind`` takes them ("127.0.0.1:80", "unix:x"), or sockets that listen already, which
            are the server's from here on.
        model: ``"reactor"``, or ``"threads"`` for the documented thread-per-connection one.
        interface: what the target is, if its shape does not tell: ``"native"``, ``"wsgi"``,
            ``"asgi"`` or ``"tcp"``.
        loop: ``"asyncio"`` hosts asyncio's loop for a TCP protocol, too; an asynchronous
            application has it in any case.
        lifespan: ``"on"`` or ``"off"``: whether an ASGI application has one.
        access_log: is called with each line of the access log; or says how lines look, too, and
            where they go together.
        body_dir: the folder for files of large request bodies; by default the system's temporary
            one. ``body_files`` has its path, and whether it is memory; None if there are none.
        websockets: whose pages may open WebSockets, and whether their messages are deflated.
        tls: serve by TLS (docs/tls.md) by TCP, and where a bind says so; not by threads.
        static: folders before the application, as ``{"/static": "public"}``: what is in one of
            them is answered from it, whatever is not goes to the application.
        edge: whom the server believes, and for which hosts it answers (docs/proxy.md).
        channel: of a worker to its supervisor (docs/workers.md): that stops it, and no signal.
        metrics: where to say what the server does ("127.0.0.1:9464", docs/observe.md); ``status``
            has the ``urls`` of its page. In a worker: where to count for its supervisor.

    Raises:
        ConfigurationError: the target or an address cannot be served, or there is no such model;
            the message says why.
    """

    _was_run = False
    _background: Background | None = None
    _status: Observed | None = None

    def __init__(
        self,
        target: Any = ".",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        bind: Where | Iterable[Where] = (),
        model: Model = "reactor",
        interface: Interface = "auto",
        loop: HostLoop = "auto",
        lifespan: Literal["auto", "on", "off"] = "auto",
        limits: Limits = DEFAULT_LIMITS,
        access_log: Callable[[str], object] | AccessLogOptions | None = None,
        body_dir: str | None = None,
        websockets: WebSocketOptions = DEFAULT_WEBSOCKETS,
        tls: TlsOptions | Contexts | None = None,
        static: Mapping[str, str | os.PathLike[str] | StaticFolder] | None = None,
        edge: EdgePolicy = NO_POLICY,
        channel: Channel | None = None,
        metrics: str | Observed | None = None,
    ) -> None:
        _check_values(model, tls, limits, access_log, static)
        app = _app_of(target, limits, interface, lifespan)
        contexts = None if tls is None else _contexts(tls, app)
        self.body_files = body_files_for(app, limits, body_dir)
        limits = limits if self.body_files is None else with_body_files(limits)
        hosting = hosting_of(app, loop, model)
        websockets = websockets.replace(possible=model == "reactor")
        before = _folders(app, static or {})
        self._opened = _others([app, *before.values()], [target, *(static or {}).values()])
        self._journal = AccessLog(access_log, limits)
        factory = protocol_factory(app, limits, self._journal, self.body_files, websockets, before)
        self.sockets: list[socket.socket] = []
        try:
            self._listen(_places(bind) or [Inet(host, port)], limits)
            make = partial(protocol_factory, limits=limits, journal=self._journal)
            others = set_up_redirects(app, self.sockets, contexts is not None, make)
            self._know_urls(app, factory, contexts, _threads(model, limits))
            _guard([factory, *others], edge, self.sockets, limits)
            self._answers_s = limits.drain_delay_s + limits.graceful_timeout_s
            self._status = _status(metrics, model, target, self.sockets, limits, edge, contexts)
            make = server_of(model, hosting, contexts, channel, self._status)
            self._server = make(self.sockets, factory, limits)
        except BaseException as error:
            self._release()
            if hosting is not None:
                hosting.close()
            if isinstance(error, OSError):  # no descriptor, no memory, or no room in epoll
                raise ConfigurationError(f"the server cannot start: {error.strerror}") from error
            raise

    def _listen(self, places: list[Where], limits: Limits) -> None:
        for where in places:
            if not isinstance(where, socket.socket):
                self.sockets += listen_sockets(where, limits.backlog)
                continue
            if not where.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise ConfigurationError(f"{where!r} does not listen: call its listen() first")
            where.setblocking(False)  # a client that has gone would hold up all others
            self.sockets.append(where)
        check_distinct(self.sockets)

    def _know_urls(self, app: Any, factory: Any, contexts: Contexts | None, threads: int) -> None:
        served = [sock for sock in self.sockets if not redirects(sock)]
        addresses = [bound_address(sock) for sock in served]
        schemes = _schemes(app, served, contexts)
        _tell_serving(app, factory, addresses, schemes[0], threads)
        self.urls = [*map(url_of, schemes, addresses)]

    @property
    def status(self) -> Observed | None:
        """What ``metrics`` asks for: the ``urls`` of its page, the ``target`` that it names."""
        return self._status

    def tell(self, notifier: Notifier) -> None:
        """Before `run`: it is told of a stop, and that the server is alive."""
        self._server.notifier = notifier

    def run(
        self, on_listening: Callable[[list[socket.socket]], object] | None = None
    ) -> int | None:
        """Serve until `stop`; in the main thread SIGINT and SIGTERM stop it too. Once only.

        ``on_listening`` is called with the listening sockets, once signals end it gracefully.
        Returns None; or, if a second signal has cut off what was under way, that signal.

        Raises:
            StartupError, ShutdownError: an ASGI application did not start, or shut down, in order.
            RuntimeError: it was run, or closed, before.
        """
        if self._was_run:
            raise RuntimeError(_ONCE)
        self._was_run = True
        if hasattr(self._server, "at_turn_end"):  # threads have no turns
            self._journal.wait_for(self._server.at_turn_end)
        else:
            self._journal.share(self._server.lock)
        self._server.slow = self._journal.slow
        try:
            on_running = None if on_listening is None else partial(on_listening, self.sockets)
            insisted: int | None = self._server.run(on_running)
            return insisted
        finally:
            self.close()
            self._journal.settle()

    def start(self) -> Self:
        """`run` in a thread of its own; returns when it serves. A `stop` waits for its end.

        Raises:
            StartupError: an ASGI application did not start.
            RuntimeError: it was run, or closed, before.
        """
        if self._was_run:
            raise RuntimeError(_ONCE)
        # Only who asks for a thread pays for one.
        from reactor.server.background import Background

        background = Background(self.run)
        background.start()
        self._background = background
        return self

    def stop(self, grace: float | None = None) -> None:
        """Finish what is under way, then end `run` (docs/stop.md). Called again: end it now.

        For any thread, and before `run` too. ``grace`` is for how many seconds connections that
        are idle may send one more request; default: 5 s, unless the limits say less. Without it the
        server serves on for `Limits.drain_delay_s` first. After `start` it returns when the server
        has ended, unless an application of the server calls it.

        Raises:
            TypeError, ValueError: that is no number of seconds; the server goes on.
            TimeoutError: an application holds up the server that was started.
            Exception: what has ended the server that was started.
        """
        if grace is not None:
            # Here, for its caller: in the loop it would end the server instead of the stop.
            grace = _checked_seconds(grace)
        self._server.stop(grace)
        if self._background is not None and not self._background.is_mine:
            self._background.join(self._answers_s)

    def __enter__(self) -> Self:
        """`start`."""
        return self.start()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """`stop`: who is idle is not waited for, and after an exception nobody is."""
        background = self._background
        if background is None or background.ends_within(0):
            self.close()
            return
        if error is not None:
            self._server.stop(0.0)
        self.stop(grace=0)

    def close(self) -> None:
        """Give up everything, if `run` is not called. Idempotent."""
        self._was_run = True
        self._server.close()
        self._release()

    def _release(self) -> None:
        for sock in self.sockets:
            sock.close()
        if self._status is not None:
            self._status.close()
        for folder in self._opened:
            folder.close()


def _schemes(app: Any, sockets: list[socket.socket], tls: Contexts | None) -> list[str]:
    """What a URL begins with, for each socket."""
    if tls is None and any(getattr(sock, "tls", None) for sock in sockets):
        raise ConfigurationError("a bind says ,tls but there is no certificate")
    plain, secured = ("tcp", "tls") if isinstance(app, type) else ("http", "https")
    return [secured if tls is not None and is_secured(sock) else plain for sock in sockets]


def _places(bind: Where | Iterable[Where]) -> list[Where]:
    """Where to listen, one place or several."""
    if isinstance(bind, get_args(Where)):
        return [cast(Where, bind)]
    if not isinstance(bind, Iterable):
        raise TypeError(f"{bind!r} is nowhere to listen: write '127.0.0.1:80' or 'unix:PATH'")
    return list(bind)


def _others(folders: list[Any], given: list[Any]) -> list[StaticFolder]:
    """The folders that nobody but the server has."""
    return [
        folder
        for folder in folders
        if is_folder(folder) and not any(folder is one for one in given)
    ]


def _app_of(
    target: Any, limits: Limits, interface: Interface, lifespan: str
) -> App | ProtocolFactory:
    if isinstance(target, os.PathLike):  # the path itself: what is no folder is no application
        return folder_of(target)
    if isinstance(target, str):
        return load_target(target, limits, interface, lifespan=lifespan)
    return as_app(target, repr(target), limits, interface, lifespan=lifespan)


def _folders(app: Any, static: Mapping[str, Any]) -> dict[str, StaticFolder]:
    """Those that stand before ``app``, by their prefixes."""
    if static and isinstance(app, type):
        raise ConfigurationError("folders stand before an application, not before a TCP protocol")
    return {
        # A page of its entries would stand before the application's own.
        prefix: where if is_folder(where) else folder_of(where, listing=False)
        for prefix, where in static.items()
    }


def _tell_serving(
    app: Any, factory: Any, addresses: list[Address], scheme: str, threads: int
) -> None:
    if isinstance(factory, ServerMachines) and hasattr(app, "serving"):
        app.serving(
            ServingContext(tuple(addresses), scheme, threads=threads, draining=factory.is_draining)
        )


def _threads(model: Model, limits: Limits) -> int:
    return connections_max(limits) if model == "threads" else 1


def _guard(
    factories: list[Any], policy: EdgePolicy, sockets: list[socket.socket], limits: Limits
) -> None:
    trust_binds(policy, sockets)
    edge = edge_of(policy, [sock for sock in sockets if not redirects(sock)], limits)
    for factory in factories:
        if edge is not None and hasattr(factory, "guard"):  # a TCP protocol speaks for itself
            factory.guard(edge)


def _check_values(
    model: Model, tls: TlsOptions | Contexts | None, limits: Any, access_log: Any, static: Any
) -> None:
    if model not in get_args(Model):
        known = " or ".join(map(repr, get_args(Model)))
        raise ConfigurationError(f"there is no model {model!r}: write {known}")
    if tls is not None and model == "threads":
        raise ConfigurationError("threads serve no TLS: leave out the model 'threads', or TLS")
    if not isinstance(limits, Limits):
        raise TypeError(f"{limits!r} are no limits: write Limits(...)")
    if not (access_log is None or callable(access_log) or isinstance(access_log, AccessLogOptions)):
        raise TypeError(f"{access_log!r} is not called with lines: write access_log=print")
    if static is not None and not isinstance(static, Mapping):
        raise TypeError(f"{static!r} is no mapping: write {{'/static': 'public'}}")
    connections_max(limits)  # before anything is opened: there may be too few descriptors


def _contexts(tls: TlsOptions | Contexts, app: Any) -> Contexts:
    from reactor.server.tls import Contexts

    if isinstance(tls, Contexts):
        return tls
    # Over a user's own protocol there is no HTTP that could be agreed on.
    return Contexts(tls.replace(alpn=()) if isinstance(app, type) else tls)


def _checked_seconds(seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"a time is a number of seconds, not {seconds!r}")
    if not seconds >= 0:
        raise ValueError(f"a time is not below zero, and not nan, so not {seconds!r}")
    return float(seconds)


def _status(metrics: str | Observed | None, *what: Any) -> Observed | None:
    if not isinstance(metrics, str):
        return metrics
    # Only who looks at it pays for it.
    from reactor.server.status.own import own_status

    return own_status(metrics, *what)


def serve(
    target: Any = ".",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    bind: Where | Iterable[Where] = (),
    model: Model = "reactor",
    limits: Limits = DEFAULT_LIMITS,
    access_log: Callable[[str], object] | AccessLogOptions | None = None,
    body_dir: str | None = None,
    tls: TlsOptions | None = None,
    static: Mapping[str, str | os.PathLike[str] | StaticFolder] | None = None,
    edge: EdgePolicy = NO_POLICY,
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
        tls=tls,
        static=static,
        edge=edge,
    )
    server.run(on_listening)
