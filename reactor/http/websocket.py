"""How a WebSocket is opened (RFC 6455 4): what a request must say, and the answer to it.

    Exchange.handshake ─┬─> Response     426, 400, 403: it opens none, and why
                        └─> Handshake ─> accept ─> 101, and the connection is a WebSocketMachine's

A page of any site can open a WebSocket to a server on the user's own machine, and browsers ask
nobody before. So a server that is reached by a loopback address takes only its own pages' and
those of this machine, unless it was told whose it takes.

Must never know: how a frame is read.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha1
from typing import Any
from urllib.parse import urlsplit

from reactor._protocol import Transport
from reactor.errors import ConfigurationError, LocalProtocolError, RemoteProtocolError
from reactor.http._context import ServerContext
from reactor.http._websocket import WebSocket, WebSocketMachine
from reactor.http._websocket_sending import WebSocketContext
from reactor.http.deflate import Agreement, Deflater, Inflater, agree
from reactor.http.websocket_options import DEFAULT_WEBSOCKETS, WebSocketOptions
from reactor.parser._headers import Headers
from reactor.parser._message import Request, Response

VERSION = "13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# RFC 6455 4.1: 16 bytes in base64.
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LOOPBACK = re.compile(r"localhost|.+\.localhost|127(?:\.\d{1,3}){3}|::1")
# What the handshake itself says.
HANDSHAKE_FIELDS = frozenset(
    f"sec-websocket-{name}" for name in ("accept", "extensions", "protocol", "version", "key")
) | {"upgrade", "connection"}


def is_websocket(request: Request) -> bool:
    """Whether a request asks for a WebSocket, rightly or not."""
    return request.upgrade is not None and "websocket" in listed(request.headers.getall("upgrade"))


def accept_value(key: str) -> str:
    """RFC 6455 4.2.2: what shows that the server has read the key.

    >>> accept_value("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    return b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def handshake_of(
    exchange: Any, context: ServerContext, transport: Transport
) -> Handshake | Response:
    """The handshake of the exchange's request; or the answer, if it opens no WebSocket."""
    options = context.websocket_options or DEFAULT_WEBSOCKETS
    if not options.possible:
        raise ConfigurationError("a WebSocket needs a loop: leave out the model 'threads'")
    try:
        key = _checked_key(exchange.request)
        _check_origin(exchange.request, options.origins, transport)
    except RemoteProtocolError as error:
        fields = {"Content-Type": "text/plain"}
        if error.status == 426:
            fields |= {"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION}
        return Response(error.status, fields, f"{error.message}\n")
    return Handshake(exchange, context, options, key)


def open_websocket(
    exchange: Any,
    handler: Callable[[], WebSocket] | WebSocket,
    subprotocols: Iterable[str],
    headers: Any,
) -> Any:
    """What `Request.websocket` returns."""
    handshake = exchange.handshake()
    if isinstance(handshake, Response):
        return handshake
    socket = handler if isinstance(handler, WebSocket) else handler()
    if not isinstance(socket, WebSocket):
        raise TypeError(f"a WebSocket is needed, not a {type(socket).__name__}")
    offered = handshake.subprotocols
    agreed = next((name for name in subprotocols if name in offered), None)
    handshake.accept(socket, agreed, headers)
    return exchange


class Handshake:
    """A request that may become a WebSocket.

    Attributes:
        subprotocols: what the client offers, in its order.
    """

    def __init__(
        self, exchange: Any, context: ServerContext, options: WebSocketOptions, key: str
    ) -> None:
        self._exchange = exchange
        self._context = context
        self._options = options
        self._key = key
        self.subprotocols = _split(exchange.request.headers.getall("sec-websocket-protocol"))

    def accept(self, socket: WebSocket, subprotocol: str | None = None, headers: Any = ()) -> None:
        """Answer 101; the connection is ``socket``'s from then on, and its `on_open` is called.

        Raises:
            LocalProtocolError: a sub-protocol that was not offered; a field that is the
                handshake's, or that no peer may be sent. Nothing was written.
            RuntimeError: the exchange is over, or the socket was used.
            ConnectionResetError: the client has gone.
        """
        fields = [("Sec-WebSocket-Accept", accept_value(self._key))]
        if subprotocol is not None:
            if subprotocol not in self.subprotocols or not TOKEN.fullmatch(subprotocol):
                raise LocalProtocolError(f"the client does not offer {subprotocol!r}")
            fields.append(("Sec-WebSocket-Protocol", subprotocol))
        shared = self._shared()
        agreement = None
        if self._options.deflate:
            agreement = self._agree(shared, fields)
        for name, value in Headers(headers).items():
            if name.lower() in HANDSHAKE_FIELDS:
                raise LocalProtocolError(f"{name} is said by the handshake")
            fields.append((name, value))
        machine = WebSocketMachine(
            shared,
            socket,
            self._exchange.request,
            subprotocol,
            *codec_of(agreement, shared),
        )
        self._exchange.upgrade(machine, fields, "websocket")

    def _shared(self) -> WebSocketContext:
        context = self._context
        shared: WebSocketContext | None = context.websockets
        if shared is None:
            shared = WebSocketContext(context.limits, context.journal, context.bodies.memory)
            context.websockets = shared
        return shared

    def _agree(self, shared: WebSocketContext, fields: list[tuple[str, str]]) -> Agreement | None:
        offers = self._exchange.request.headers.getall("sec-websocket-extensions")
        forget = shared.deflating >= shared.limits.websocket_deflate_contexts_max
        agreed = agree(offers, forget)
        if agreed is None:
            return None
        fields.append(("Sec-WebSocket-Extensions", agreed[1]))
        return agreed[0]


def codec_of(
    agreement: Agreement | None, shared: WebSocketContext
) -> tuple[Inflater | None, Deflater | None]:
    """What inflates and deflates at this end."""
    if agreement is None:
        return None, None
    theirs = agreement.client_bits, agreement.client_forgets
    ours = agreement.server_bits, agreement.server_forgets
    if shared.is_client:
        theirs, ours = ours, theirs
    # A client has chosen its server, whose messages may all be of one letter.
    clock = None if shared.is_client else shared.turns.turn_began
    return Inflater(*theirs, shared.limits, clock), Deflater(*ours)


def listed(values: Iterable[str]) -> list[str]:
    """The tokens of a field, of all its lines, in lower case."""
    return [item.lower() for item in _split(values)]


def _split(values: Iterable[str]) -> list[str]:
    return [item for value in values for item in map(str.strip, value.split(",")) if item]


def _checked_key(request: Request) -> str:
    """RFC 6455 4.2.1: all that a handshake must say, but its Origin."""
    if not is_websocket(request):
        raise RemoteProtocolError(426, "ws-upgrade", "this is a WebSocket: ask for an upgrade")
    if request.method != "GET":
        raise RemoteProtocolError(400, "ws-method", "a WebSocket is opened by GET")
    if request.body or request.chunked or request.content_length:
        raise RemoteProtocolError(400, "ws-body", "a request that opens a WebSocket has no body")
    if _split(request.headers.getall("sec-websocket-version")) != [VERSION]:
        raise RemoteProtocolError(426, "ws-version", f"the version of WebSocket is {VERSION} here")
    keys = request.headers.getall("sec-websocket-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise RemoteProtocolError(400, "ws-key", "one Sec-WebSocket-Key of 16 bytes is needed")
    return keys[0]


def _check_origin(request: Request, allowed: tuple[str, ...], transport: Transport) -> None:
    origin = request.headers.get("origin")
    if origin is None:
        return  # no browser; whoever can leave it out can write what he likes
    if allowed:
        right = "*" in allowed or origin.lower() in allowed
    else:
        here = transport.get_extra_info("sockname")
        right = (
            not isinstance(here, tuple)
            or not _is_loopback(here[0])
            or _is_loopback(host := _host(origin))
            or (host != "" and host == _host(f"//{request.host or ''}"))
        )
    if not right:
        raise RemoteProtocolError(403, "ws-origin", "pages of this origin may not connect here")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    host = host.removeprefix("::ffff:").rstrip(".").lower()
    return _LOOPBACK.fullmatch(host) is not None
