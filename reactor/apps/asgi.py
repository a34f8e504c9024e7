"""An ASGI application (ASGI 3, HTTP specification 2.5) as an app of this server.

    request ─> scope ─> application(scope, receive, send), in a Task of its own ─> answer

`_asgi.pyx` makes the calls. Here is what is decided once for a server, and what is rare: the
extensions, the fields that only the machine may set, whose fault an exception is.

The only part of `apps/` that imports asyncio; it is loaded when an application needs it.

Must never know: framing, a socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reactor._file import File
from reactor.apps._asgi import AsgiCall, AsgiCalls
from reactor.apps._scope import Scopes
from reactor.apps._tasks import CallTask, Tasks
from reactor.apps.asgi_websocket import WebSocketCall, others
from reactor.apps.lifespan import Lifespan
from reactor.http.app import ServingContext
from reactor.http.blame import name_of
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import log
from reactor.net import Address, Inet
from reactor.parser._length import has_content
from reactor.parser._message import Request, Response

if TYPE_CHECKING:
    from reactor.net.hosted import HostedReactor

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

HTTP_VERSIONS = {"version": "3.0", "spec_version": "2.5"}
# A new dict of these for each request; the inner ones are shared.
EXTENSIONS: dict[str, dict[str, Any]] = {
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
    "http.response.early_hint": {},
    "http.response.trailers": {},
}
SOCKET_EXTENSIONS: dict[str, dict[str, Any]] = {"websocket.http.response": {}}
_WILDCARDS = {"0.0.0.0", "::"}
# What only the machine says, since it frames the message or is about the connection.
_THE_MACHINES = {
    *(b"transfer-encoding", b"connection", b"keep-alive", b"proxy-connection"),
    *(b"upgrade", b"te", b"trailer"),
}


class AsgiApp:
    """An app that calls ``application(scope, receive, send)``.

    Args:
        application: as the ASGI specification has it, version 3.
        limits: of the server; `streamed_bytes_max` bounds a request's body, which comes in pieces.
        lifespan: ``"on"`` or ``"off"``: whether the application has one; ``"auto"`` finds out.
        root_path: where it is mounted; it is put in front of each path.
    """

    streams_bodies = True
    needs_asyncio = True

    def __init__(
        self,
        application: Application,
        limits: Limits = DEFAULT_LIMITS,
        lifespan: str = "auto",
        root_path: str = "",
    ) -> None:
        self.application = application
        self.name = name_of(application)
        self.body_bytes_max = limits.streamed_bytes_max
        self.abandoned_grace_s = limits.abandoned_grace_s
        self.stop_notice_s = limits.stop_notice_s
        self.lifespan = lifespan
        self.root_path = root_path.rstrip("/")
        self.state: Message = {}
        self.going: set[Any] = set()  # the calls whose tasks have not ended

    def respond(self, request: Request) -> Any:
        raise RuntimeError(f"{self.name} is called by a server that hosts asyncio only")

    def hosted(self, reactor: HostedReactor, loop: asyncio.AbstractEventLoop) -> None:
        """Learn the loop that its tasks run in; to be called before anything else."""
        self._tasks = tasks = hosted_tasks(reactor, loop)
        self.loop = loop
        self.cancelled = asyncio.CancelledError
        self.going = tasks.going
        self._scopes = Scopes(scope_template("http"), EXTENSIONS, self.root_path)
        self._sockets = Scopes(scope_template("websocket"), SOCKET_EXTENSIONS, self.root_path)
        self._scopes.state = self._sockets.state = self.state
        self._calls = AsgiCalls(self.application, tasks, self._scopes, self)
        self.respond = self._calls.respond  # type: ignore[method-assign]

    def serving(self, context: ServingContext) -> None:
        """Learn where it is served."""
        # At one address it is what everybody has connected to; else each connection is asked.
        addresses = context.addresses
        known = server_of(addresses[0]) if len(addresses) == 1 else None
        self._scopes.served_at(context.scheme, known)
        self._sockets.served_at("wss" if context.scheme == "https" else "ws", known)
        self._calls.asks_local = known is None
        for scopes in (self._scopes, self._sockets):
            scopes.extend("reactor", {"draining": context.draining})

    def lifespan_in(self, loop: asyncio.AbstractEventLoop) -> Lifespan | None:
        """Its life in this loop; None if it is to have none."""
        if self.lifespan == "off":
            return None
        return Lifespan(self.application, self.name, loop, self.state, self.lifespan == "on")

    # --- what `_asgi.pyx` asks ------------------------------------------------------------

    def open_websocket(self, request: Request) -> Any:
        """The exchange of a request for a WebSocket, or the answer if it asks for none rightly."""
        exchange: Any = request.exchange
        handshake = exchange.handshake()
        if isinstance(handshake, Response):
            return handshake
        local = self._calls.local(request) if self._calls.asks_local else None
        scope = self._sockets.make(request, local)
        del scope["method"]
        scope["subprotocols"] = handshake.subprotocols
        call = WebSocketCall(self, scope, exchange, handshake)
        self._tasks.begin(CallTask(call))
        return exchange

    def report(self, exception: BaseException, request: Request) -> None:
        self._calls.report_failure(exception, request)

    def server_of(self, name: Any) -> tuple[str, int | None] | None:
        """The scope's ``server`` of what a socket says of itself."""
        if isinstance(name, tuple):
            return str(name[0]).partition("%")[0], int(name[1])
        return (os.fsdecode(name), None) if name else None

    def is_disconnect(self, exception: BaseException) -> bool:
        return is_disconnect(exception)

    def others(self) -> Awaitable[None]:
        return others()

    def abandoned(self, request: Request) -> None:
        log(
            logging.DEBUG,
            "a stream without a client is cancelled: %s %s by %s",
            *(request.method, request.target, self.name),
        )

    def without_the_machines(self, fields: Iterable[Any]) -> tuple[list[tuple[bytes, bytes]], bool]:
        """The fields without those that only the machine says; whether the connection is to end."""
        kept: list[tuple[bytes, bytes]] = []
        closes = False
        for name, value in fields:
            small = name.lower()
            if small == b"connection":
                closes |= b"close" in {word.strip().lower() for word in value.split(b",")}
            if small not in _THE_MACHINES:
                kept.append((name, value))
        return kept, closes

    def takes_trailers(self, request: Request, head: Response) -> bool:
        """RFC 9110 6.5.1: only who says so is sent any, and only chunks can have them."""
        if request.version < 11 or head.content_length is not None:
            return False
        words = ",".join(request.headers.getall("te")).lower().split(",")
        return has_content(request.method, head.status) and "trailers" in {
            word.partition(";")[0].strip() for word in words
        }

    def dropped(self, content: Any) -> bytes:
        if hasattr(content, "close"):
            content.close()
        return b""

    def extension(self, call: AsgiCall, kind: str, message: Message) -> Any:
        """Do what a message of an extension asks; None, or what is to be awaited.

        Raises:
            ValueError: there is no such message, or what it names cannot be sent.
        """
        if kind == "http.response.pathsend":
            call.check_unfinished(kind)
            return call.finish_with(opened(message["path"]))
        if kind == "http.response.zerocopysend":
            call.check_unfinished(kind)
            file, offset, count = region_of(message)
            return call.send_part(file, offset, count, bool(message.get("more_body", False)))
        if kind == "http.response.early_hint":
            return call.send_interim(103, [("Link", link) for link in message["links"]])
        if kind == "http.response.trailers":
            return call.add_trailers(message["headers"], bool(message.get("more_trailers", False)))
        raise ValueError(f"{kind!r} is no message that an HTTP response has")


def hosted_tasks(reactor: HostedReactor, loop: asyncio.AbstractEventLoop) -> Tasks:
    """What makes the tasks of an application in this loop."""
    eager = sys.version_info >= (3, 12)
    return Tasks(loop, reactor, asyncio.Task, asyncio.CancelledError, eager)


def scope_template(kind: str) -> Message:
    """What is the same in all scopes of a server; then what differs: so no copy has to grow."""
    return {
        "type": kind,
        "asgi": HTTP_VERSIONS,
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "server": None,
        **dict.fromkeys(("method", "path", "raw_path", "query_string", "headers")),
        **dict.fromkeys(("client", "state", "extensions")),
    }


def server_of(address: Address) -> tuple[str, int | None] | None:
    """The scope's ``server`` of all who connect to ``address``; None: each has another."""
    if isinstance(address, Inet):
        host = address.host.partition("%")[0]
        return None if host in _WILDCARDS else (host, address.port)
    return str(address.path), None


def is_disconnect(exception: BaseException) -> bool:
    """Whether a client that has gone is behind it, whatever a framework made of it."""
    seen: set[int] = set()
    left: list[BaseException | None] = [exception]
    while left:
        error = left.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        if isinstance(error, BaseExceptionGroup):
            # All of it has to be that: what failed besides is to be seen.
            return all(is_disconnect(part) for part in error.exceptions)
        if isinstance(error, ConnectionError) or type(error).__name__ == "ClientDisconnect":
            return True
        left += (error.__cause__, error.__context__)
    return False


def opened(path: Any) -> File:
    """A regular file that the application names. Raises ValueError, OSError."""
    if not os.path.isabs(path):
        raise ValueError(f"pathsend takes an absolute path, not {path!r}")
    # O_NONBLOCK: a pipe without a writer would block everybody. The link is the application's.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    return file_of(descriptor, repr(path))


def file_of(descriptor: int, name: str) -> File:
    """Owns the descriptor."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{name} is no regular file")
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
    return File(descriptor, status.st_size)


def region_of(message: Message) -> tuple[File, int, int]:
    """The file, where to begin, how many bytes. The application may close its own at once."""
    given = message["file"]
    descriptor = given if isinstance(given, int) else given.fileno()
    file = file_of(os.dup(descriptor), "the file")
    offset, count = message.get("offset"), message.get("count")
    offset = os.lseek(descriptor, 0, os.SEEK_CUR) if offset is None else int(offset)
    left = max(0, file.size - offset)
    count = left if count is None else int(count)
    if not 0 <= count <= left or offset < 0:
        file.close()
        raise ValueError(f"the file has no {count} bytes from {offset} on")
    return file, offset, count
