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
from typing import Any, Literal, get_args

from reactor.apps.folders_before import FoldersBefore
from reactor.apps.load import Interface, ProtocolFactory, as_app, load_target
from reactor.apps.static import StaticFolder
from reactor.errors import ConfigurationError
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachines
from reactor.http.app import App, ServingContext
from reactor.http.websocket_options import DEFAULT_WEBSOCKETS, WebSocketOptions
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.net import Address, Bind, Descriptor, Inet, listen_sockets
from reactor.net.address import bound_address, is_secured
from reactor.net.descriptors import connections_max, with_body_files
from reactor.server._date import DateField
from reactor.server.access_log import AccessLog
from reactor.server.body_files import BodyFiles, body_files_for
from reactor.server.edge import NO_POLICY, EdgePolicy, edge_of, trust_binds
from reactor.server.loop_server import LoopServer
from reactor.server.notify import Notifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.server.tls import Contexts, TlsOptions

Model = Literal["reactor", "threads"]
HostLoop = Literal["auto", "reactor", "asyncio"]
# Where to listen: an address, what `--bind` takes, or a socket that listens already.
Where = Bind | Address | Descriptor | str | socket.socket

ONE_THREAD = "asynchronous applications run in asyncio's one thread: leave out the model 'threads'"


def protocol_factory(
    app: App | ProtocolFactory,
    limits: Limits,
    log: Callable[[str], object] | None,
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
    open_file = None if body_files is None else body_files.open
    context = ServerContext(http_app, limits, DateField(), AccessLog(log, limits), open_file)
    context.websocket_options = websockets
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
        interface: what the target is, if its shape does not tell: ``"native"``, ``"wsgi"``,
            ``"asgi"`` or ``"tcp"``.
        loop: ``"asyncio"`` hosts asyncio's loop for a TCP protocol, too; an asynchronous
            application has it in any case.
        lifespan: ``"on"`` or ``"off"``: whether an ASGI application has one.
        access_log: is called with each line of the access log.
        body_dir: the folder for files of large request bodies; by default the system's temporary
            one. ``body_files`` has its path, and whether it is memory; None if there are none.
        websockets: whose pages may open WebSockets, and whether their messages are deflated.
        tls: serve by TLS (docs/tls.md) by TCP, and where a bind says so; not by threads.
        static: folders before the application, as ``{"/static": "public"}``: what is in one of
            them is answered from it, whatever is not goes to the application.
        edge: whom the server believes, and for which hosts it answers (docs/proxy.md).

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
        interface: Interface = "auto",
        loop: HostLoop = "auto",
        lifespan: Literal["auto", "on", "off"] = "auto",
        limits: Limits = DEFAULT_LIMITS,
        access_log: Callable[[str], object] | None = None,
        body_dir: str | None = None,
        websockets: WebSocketOptions = DEFAULT_WEBSOCKETS,
        tls: TlsOptions | Contexts | None = None,
        static: Mapping[str, str | os.PathLike[str] | StaticFolder] | None = None,
        edge: EdgePolicy = NO_POLICY,
    ) -> None:
        _check_model(model, tls)
        app = _app_of(target, limits, interface, lifespan)
        contexts = None if tls is None else _contexts(tls, app)
        connections_max(limits)  # before anything is opened: there may be too few descriptors
        self.body_files = body_files_for(app, limits, body_dir)
        if self.body_files is not None:
            limits = with_body_files(limits)
        hosting = _hosting_of(app, loop, model)
        websockets = websockets.replace(possible=model == "reactor")
        before = _folders(app, static or {})
        factory = protocol_factory(app, limits, access_log, self.body_files, websockets, before)
        self.sockets: list[socket.socket] = []
        try:
            self._listen(list(bind) or [Inet(host, port)], limits)
            addresses = [bound_address(sock) for sock in self.sockets]
            schemes = _schemes(app, self.sockets, contexts)
            threads = connections_max(limits) if model == "threads" else 1
            _tell_serving(app, factory, addresses, schemes[0], threads)
            self.urls = [*map(_url, schemes, addresses)]
            _guard(factory, edge, self.sockets, limits)
            self._was_run = False
            self._server = _server_of(model, hosting, contexts)(self.sockets, factory, limits)
        except BaseException as error:
            self._close_sockets()
            if hosting is not None:
                hosting.close()
            if isinstance(error, OSError):  # no descriptor, no memory, or no room in epoll
                raise ConfigurationError(f"the server cannot start: {error.strerror}") from error
            raise

    def _listen(self, binds: list[Where], limits: Limits) -> None:
        for where in binds:
            if isinstance(where, socket.socket):
                self.sockets.append(where)
            else:
                self.sockets += listen_sockets(where, limits.backlog)

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


def _schemes(app: Any, sockets: list[socket.socket], tls: Contexts | None) -> list[str]:
    """What a URL begins with, for each socket."""
    if tls is None and any(getattr(sock, "tls", None) for sock in sockets):
        raise ConfigurationError("a bind says ,tls but there is no certificate")
    plain, secured = ("tcp", "tls") if isinstance(app, type) else ("http", "https")
    return [secured if tls is not None and is_secured(sock) else plain for sock in sockets]


def _app_of(
    target: Any, limits: Limits, interface: Interface, lifespan: str
) -> App | ProtocolFactory:
    if isinstance(target, os.PathLike):  # the path itself: what is no folder is no application
        return StaticFolder(target)
    if isinstance(target, str):
        return load_target(target, limits, interface, lifespan=lifespan)
    return as_app(target, repr(target), limits, interface, lifespan=lifespan)


def _folders(app: Any, static: Mapping[str, Any]) -> dict[str, StaticFolder]:
    """Those that stand before ``app``, by their prefixes."""
    if static and isinstance(app, type):
        raise ConfigurationError("folders stand before an application, not before a TCP protocol")
    return {
        # A page of its entries would stand before the application's own.
        prefix: where if isinstance(where, StaticFolder) else StaticFolder(where, listing=False)
        for prefix, where in static.items()
    }


def _tell_serving(
    app: Any, factory: Any, addresses: list[Address], scheme: str, threads: int
) -> None:
    if isinstance(factory, ServerMachines) and hasattr(app, "serving"):
        app.serving(
            ServingContext(tuple(addresses), scheme, threads=threads, draining=factory.is_draining)
        )


def _hosting_of(app: Any, loop: HostLoop, model: Model) -> Any:
    """What hosts asyncio for this app; None if nobody needs it."""
    needed = getattr(app, "needs_asyncio", False)
    if loop == "reactor" and needed:
        raise ConfigurationError("an asynchronous application needs asyncio's loop")
    if loop not in get_args(HostLoop):
        raise ConfigurationError(f"there is no loop {loop!r}")
    if not needed and loop != "asyncio":
        return None
    if model == "threads":
        raise ConfigurationError(ONE_THREAD)
    # Only who needs it pays for asyncio.
    from reactor.server.hosted import Hosting

    return Hosting(app)


def _guard(factory: Any, policy: EdgePolicy, sockets: list[socket.socket], limits: Limits) -> None:
    trust_binds(policy, sockets)
    edge = edge_of(policy, sockets, limits)
    if edge is not None and hasattr(factory, "guard"):  # a TCP protocol speaks for itself
        factory.guard(edge)


def _check_model(model: Model, tls: TlsOptions | Contexts | None) -> None:
    if model not in get_args(Model):
        known = " or ".join(map(repr, get_args(Model)))
        raise ConfigurationError(f"there is no model {model!r}: write {known}")
    if tls is not None and model == "threads":
        raise ConfigurationError("threads serve no TLS: leave out the model 'threads', or TLS")


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


def _server_of(model: Model, hosting: Any, tls: Contexts | None) -> Any:
    if hosting is not None:
        return partial(hosting.server, tls=tls)
    if model == "reactor":
        return partial(LoopServer, tls=tls)
    # Only this model pays for threads.
    from reactor.server.threads import ThreadServer

    return ThreadServer


def _url(scheme: str, address: Address) -> str:
    if not isinstance(address, Inet):
        return str(address)
    return f"{scheme}://{address}/" if scheme.startswith("http") else f"{scheme}://{address}"


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
