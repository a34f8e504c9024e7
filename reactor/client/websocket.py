"""WebSockets to servers: ws and wss URLs, the handshake, and the machine behind it.

    connect ─> Opening ─> Connecting ─> 101 ─> WebSocketMachine ─> WebSocket.on_open

Must never know what a message means.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterable
from os import urandom
from weakref import WeakKeyDictionary

from reactor._protocol import Protocol, Transport
from reactor.client.client import Client
from reactor.client.failures import EXIT_HTTP, EXIT_PROTOCOL, EXIT_URL, transfer_failure
from reactor.client.opening import Opening, Route
from reactor.client.request import GivenFields, basic, pairs_of
from reactor.client.url import Url
from reactor.errors import FetchError, LocalProtocolError, ProtocolError, RemoteProtocolError
from reactor.http._websocket import WebSocket, WebSocketMachine
from reactor.http._websocket_sending import InflateTurns, WebSocketContext
from reactor.http.deflate import OFFER, agreed
from reactor.http.websocket import (
    HANDSHAKE_FIELDS,
    TOKEN,
    VERSION,
    accept_value,
    codec_of,
    listed,
)
from reactor.log import log
from reactor.net import Reactor
from reactor.parser._framing import ResponseParser
from reactor.parser._message import Response
from reactor.parser._serialise import serialise_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SCHEMES = {"ws": "http", "wss": "https"}
# All WebSockets of a loop have one share of a turn, whoever's they are.
_turns: WeakKeyDictionary[Reactor, InflateTurns] = WeakKeyDictionary()


def websocket_url(text: str) -> Url:
    """Raises FetchError (exit code 3) for what is no ws or wss URL."""
    scheme, colon, rest = text.partition("://")
    if scheme.lower() not in _SCHEMES or not colon:
        raise FetchError(f"{text or repr('')} is no WebSocket: write ws://HOST/PATH", EXIT_URL)
    return Url.parse(f"{_SCHEMES[scheme.lower()]}://{rest}")


def turns_of(client: Client) -> InflateTurns:
    turns = _turns.get(client.reactor)
    if turns is None:
        turns = _turns[client.reactor] = InflateTurns(client.limits)
    return turns


def connect(
    client: Client,
    url: str,
    socket: WebSocket,
    on_failed: Callable[[FetchError], object],
    *,
    headers: GivenFields = (),
    subprotocols: Iterable[str] = (),
    deflate: bool = True,
) -> Connecting:
    """Open a WebSocket to ``url``; ``socket`` is called as a server's is.

    Its `on_open` gets the server's answer; or ``on_failed(error)`` is called, once. Neither
    within this call.

    Raises:
        FetchError: it is no ws or wss URL.
        LocalProtocolError: a field or a sub-protocol that no server may be sent.
    """
    offered = list(subprotocols)
    if not all(TOKEN.fullmatch(name) for name in offered):
        raise LocalProtocolError("the name of a sub-protocol is a token")
    key = b64encode(urandom(16)).decode()
    where = websocket_url(url)
    fields = [
        ("Host", where.authority),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", VERSION),
        *[("Sec-WebSocket-Protocol", ", ".join(offered))][: len(offered)],
        *[("Sec-WebSocket-Extensions", OFFER)][: int(deflate)],
    ]
    given = pairs_of(headers)
    if where.credentials is not None:
        fields.append(("Authorization", basic(*where.credentials)))
    for name, _ in given:
        if name.lower() in HANDSHAKE_FIELDS:
            raise LocalProtocolError(f"{name} is said by the handshake")
    ours = [pair for pair in fields if pair[0].lower() not in {name.lower() for name, _ in given}]
    message = serialise_request("GET", where.target, ours + given, None)
    shown = url.partition(":")[0] + ":" + where.text.partition(":")[2]  # without a password
    connecting = Connecting(client, socket, (shown, where.where), message, key, offered, on_failed)
    # A proxy of plain HTTP is for requests: a WebSocket would need a tunnel that few allow.
    proxy = client.proxies.proxy_for(where) if where.scheme == "https" else None
    connecting.opening = Opening(
        client, Route.to(where, proxy), connecting, shown, {}, _nothing, connecting.failed
    )
    connecting.opening.start()
    return connecting


def _nothing() -> None:
    pass


class _Journal:
    """Where the machines of a client tell what went wrong."""

    wants_answers = False

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def answered(self, peer: Any, record: Any) -> None:
        raise NotImplementedError

    def refused(self, peer: Any, error: RemoteProtocolError) -> None:
        log(logging.DEBUG, "WebSocket of %s ended: %d %s", peer, error.status, error.message)

    def failed(self, exception: BaseException, doing: str) -> None:
        self._reactor.report(exception, doing)


class Connecting(Protocol):
    """A WebSocket on its way: the protocol of its connection until it is open."""

    opening: Opening

    def __init__(
        self,
        client: Client,
        socket: WebSocket,
        names: tuple[str, str],
        message: bytes,
        key: str,
        offered: list[str],
        on_failed: Callable[[FetchError], object],
    ) -> None:
        self._client = client
        self._socket = socket
        self._url, self._where = names  # for what is said of a failure
        self._message = message
        self._key = key
        self._offered = offered
        self._on_failed = on_failed
        self._over = False
        self._parser = ResponseParser(client.limits)
        self._parser.expect("GET")
        self.transport: Any = None

    def cancel(self) -> None:
        """Give up without a call back, if it is not open yet. Idempotent."""
        if not self._over:
            self._over = True
            self.opening.cancel()
            if self.transport is not None:
                self.transport.abort()

    def failed(self, error: FetchError) -> None:
        if not self._over:
            self._over = True
            self._on_failed(error)

    # --- what the connection tells --------------------------------------------------------

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self.opening.opened()
        transport.set_deadline(self._client.limits.response_timeout_s)
        transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        self._parser.feed(data)
        try:
            response = self._parser.next()
            if isinstance(response, Response):
                self._answered(response)
        except ProtocolError as error:
            self._fail(f"the server's answer breaks a rule: {error}", EXIT_PROTOCOL)

    def deadline_expired(self) -> None:
        self._end(TimeoutError("the server did not answer"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("the server closed the connection"))

    def _end(self, error: Exception) -> None:
        self.failed(
            transfer_failure(self._url, self._where, error, response_begun=False, in_body=False)
        )
        self.transport.abort()

    def _fail(self, why: str, code: int) -> None:
        self.failed(FetchError(f"{self._url}: {why}", code))
        self.transport.abort()

    def _answered(self, response: Response) -> None:
        """RFC 6455 4.1: what the answer must say."""
        headers = response.headers
        chosen = headers.getall("sec-websocket-protocol")
        if response.status != 101:
            said = f"{response.status} {response.reason}".rstrip()
            self._fail(f"the server answered {said}", EXIT_HTTP)
        elif (
            "websocket" not in listed(headers.getall("upgrade"))
            or "upgrade" not in listed(headers.getall("connection"))
            or headers.getall("sec-websocket-accept") != [accept_value(self._key)]
        ):
            self._fail("the server's answer is no WebSocket handshake", EXIT_PROTOCOL)
        elif chosen and (len(chosen) > 1 or chosen[0] not in self._offered):
            self._fail("the server chose a sub-protocol that was not offered", EXIT_PROTOCOL)
        else:
            self._open(response, chosen[0] if chosen else None)

    def _open(self, response: Response, subprotocol: str | None) -> None:
        shared = WebSocketContext(
            self._client.limits,
            _Journal(self._client.reactor),
            is_client=True,
            turns=turns_of(self._client),
        )
        agreement = agreed(response.headers.getall("sec-websocket-extensions"))
        machine = WebSocketMachine(
            shared, self._socket, response, subprotocol, *codec_of(agreement, shared)
        )
        self._over = True
        transport, behind = self.transport, self._parser.leftover()
        transport.set_deadline(None)
        transport.set_protocol(machine)
        machine.connection_made(transport)
        if behind:
            machine.data_received(behind)
