"""Fetching over HTTP: one URL, one connection, one response.

The steps of every socket tutorial, on the reactor: create and connect (the
`Connector`), send, receive until the end (the `ClientMachine`), join and split
(the parser), save (the caller). The host's name is resolved before the loop
starts: `getaddrinfo` blocks.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from reactor._message import Headers, Response
from reactor.errors import FetchError, ProtocolError
from reactor.http._serialise import serialise_request
from reactor.http.client import ClientMachine, Exchange
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.net import Reactor

# curl's numbers, which scripts know.
EXIT_URL = 3
EXIT_RESOLVE = 6
EXIT_CONNECT = 7
EXIT_PROTOCOL = 8
EXIT_PARTIAL = 18
EXIT_HTTP = 22
EXIT_WRITE = 23
EXIT_TIMEOUT = 28


@dataclass(frozen=True, slots=True)
class Url:
    """An http URL, taken apart and checked."""

    text: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Url:
        """Raises FetchError (exit code 3) for what is no http URL."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise FetchError(f"{text!r} is no URL: {error}", EXIT_URL) from error
        if parts.scheme != "http" or not parts.hostname:
            raise FetchError(f"{text!r} is no http URL: write http://HOST/PATH", EXIT_URL)
        if parts.username is not None or not parts.hostname.isascii():
            # The URL is not repeated: there may be a password in it.
            raise FetchError("URLs with user names or non-ASCII hosts are not taken", EXIT_URL)
        return cls(text, parts.hostname, 80 if port is None else port, _target(parts))


def _target(parts: SplitResult) -> str:
    # What a browser does: spaces and non-ASCII are escaped, escapes that are there stay.
    safe = "/%:@!$&'()*+,;=~-._"
    path = quote(parts.path or "/", safe=safe, errors="surrogateescape")
    query = quote(parts.query, safe=safe + "?", errors="surrogateescape")
    return f"{path}?{query}" if query else path


class Fetch(Exchange):
    """One GET on its way: tells ``on_head`` and ``on_body``, and remembers how it ended."""

    def __init__(
        self,
        reactor: Reactor,
        on_head: Callable[[Response], object],
        on_body: Callable[[bytes], object],
    ) -> None:
        self._reactor = reactor
        self._on_head = on_head
        self._on_body = on_body
        self.error: Exception | None = None
        self.callers_error: Exception | None = None
        self.finished = False

    def head_received(self, response: Response) -> None:
        self._guarded(self._on_head, response)

    def body_received(self, data: bytes) -> None:
        self._guarded(self._on_body, data)

    def completed(self, trailers: Headers) -> None:
        self.finished = True
        self._reactor.stop()

    def failed(self, error: Exception) -> None:
        self.error = self.error or error
        self._reactor.stop()

    def _guarded(self, callback: Callable[[Any], object], argument: Any) -> None:
        """What the caller's code raises ends the fetch, and is raised to the caller."""
        if self.error is None:
            try:
                callback(argument)
            except Exception as error:
                self.callers_error = error
                self.failed(error)


def fetch(
    text: str,
    on_head: Callable[[Response], object],
    on_body: Callable[[bytes], object],
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """GET ``text``, an http URL; blocks on a reactor of its own.

    ``on_head`` is called once with the response, then ``on_body`` with each piece of its
    body. When this returns, the body was whole, by its length, its chunks or its end.

    Raises:
        FetchError: the URL, the name, the connection or the response failed.
        Exception: whatever ``on_head`` or ``on_body`` raised.
    """
    url = Url.parse(text)
    addresses = _resolve(url)
    with Reactor() as reactor:
        exchange = Fetch(reactor, on_head, on_body)
        message = serialise_request(
            "GET",
            url.target,
            [
                ("Host", url.authority),
                ("User-Agent", "reactor"),
                ("Accept", "*/*"),
                ("Connection", "close"),
            ],
        )

        def start() -> ClientMachine:
            return _OneRequest(limits, message, exchange)

        reactor.connect(addresses, start, exchange.failed, limits)
        reactor.run()
    if exchange.callers_error is not None:
        raise exchange.callers_error
    if exchange.error is not None:
        raise _described(exchange.error, url) from exchange.error


class _OneRequest(ClientMachine):
    """Sends its request as soon as it is connected."""

    def __init__(self, limits: Limits, message: bytes, exchange: Exchange) -> None:
        super().__init__(limits)
        self._message = message
        self._first = exchange

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.send("GET", self._message, self._first)


def get(text: str, limits: Limits = DEFAULT_LIMITS) -> Response:
    """The response to GET ``text``, with its whole body in memory.

    Raises:
        FetchError: as `fetch`. A status of 400 or above is no error here.
    """
    heads: list[Response] = []
    pieces: list[bytes] = []
    fetch(text, heads.append, pieces.append, limits)
    [head] = heads
    return head.with_body(b"".join(pieces))


def _resolve(url: Url) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise FetchError(f"{url.text}: the host {url.host!r} is not known", EXIT_RESOLVE) from error
    return list(dict.fromkeys((int(family), address) for family, *_, address in found))


def _described(error: Exception, url: Url) -> Exception:
    """One sentence, and curl's number for it; what is not of the network stays as it is."""
    where = f"{url.host} port {url.port}"
    match error:
        case ProtocolError(code="incomplete") | ConnectionResetError() | BrokenPipeError():
            return FetchError(f"{url.text}: the response broke off before its end", EXIT_PARTIAL)
        case ProtocolError():
            return FetchError(f"{url.text}: that is no valid HTTP response: {error}", EXIT_PROTOCOL)
        case TimeoutError():
            return FetchError(f"{url.text}: {where} did not answer in time", EXIT_TIMEOUT)
        case ConnectionRefusedError():
            return FetchError(
                f"{url.text}: nothing listens on {where}; is the server started?", EXIT_CONNECT
            )
        case OSError():
            reason = error.strerror or str(error)
            return FetchError(f"{url.text}: cannot connect to {where}: {reason}", EXIT_CONNECT)
        case _:
            return error
