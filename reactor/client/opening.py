"""Opening a connection: the name, the race of addresses, a proxy's tunnel, TLS.

    resolve ─> Connector ─> [CONNECT ─>] [TLS handshake ─>] machine

Each step has its bound in time, and says how long it took. Must never know what is asked for
over the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET6, AF_UNIX

from reactor._protocol import Protocol, Transport
from reactor.client.failures import (
    EXIT_RECEIVE,
    connect_failure,
    family_failure,
    resolve_failure,
    tls_failure,
    transfer_failure,
)
from reactor.client.name_resolution import Address, with_port
from reactor.client.request import basic
from reactor.client.url import Url, bracketed
from reactor.errors import FetchError, ProtocolError
from reactor.net import Connector
from reactor.parser._framing import ResponseParser
from reactor.parser._message import Response
from reactor.parser._serialise import serialise_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from reactor.client.services import ClientServices
    from reactor.net.connector import ConnectTo


class Route:
    """How connections that may stand for each other are made: those with the same ``key``."""

    __slots__ = ("host", "key", "port", "proxy", "scheme")

    def __init__(self, scheme: str, host: str, port: int, proxy: Url | None) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.proxy = proxy
        self.key = (scheme, host, port, proxy)

    @classmethod
    def to(cls, url: Url, proxy: Url | None) -> Route:
        if proxy is not None and url.scheme == "http":
            return cls("http", proxy.host, proxy.port, proxy)  # one connection for all hosts
        return cls(*url.origin, proxy)


class Opening:
    """One connection on its way to ``machine``, for the URL ``text``.

    ``on_opened()`` or ``on_failed(error)``, once, in a later turn. The machine calls
    `opened` when it is connected; ``timings`` gets the seconds of each step.
    """

    def __init__(
        self,
        client: ClientServices,
        route: Route,
        machine: Protocol,
        text: str,
        timings: dict[str, float],
        on_opened: Callable[[], object],
        on_failed: Callable[[FetchError], object],
    ) -> None:
        self._client = client
        self._route = route
        self._timings = timings
        self._on_opened = on_opened
        self._on_failed = on_failed
        self._protocol: Any = machine
        self._connector: Connector | None = None
        self._tunnel: _Tunnel | None = None
        self._over = False
        self._text = text
        # The other end of the connection: the proxy, or the origin itself.
        self._host = route.host if route.proxy is None else route.proxy.host
        self._port = route.port if route.proxy is None else route.proxy.port
        self._where = f"{self._host} port {self._port}" + (" (the proxy)" if route.proxy else "")
        if client.unix_socket is not None:
            self._where = client.unix_socket

    def start(self) -> None:
        if self._route.scheme == "https":
            try:
                self._protocol = self._secured(self._protocol)
            except (OSError, ValueError) as error:
                self._client.reactor.call_soon(self._not_secured, error)
                return
            # In a turn of its own: loading `ssl` is no part of what the name took.
            self._client.reactor.call_soon(self._resolve)
        else:
            self._resolve()

    def _resolve(self) -> None:
        self._began = self._client.reactor.time()
        if self._client.unix_socket is not None and not self._over:
            self._connect([(AF_UNIX, self._client.unix_socket)])
        elif not self._over:
            self._client.resolver.resolve(
                self._host,
                lambda found: self._client.reactor.call_soon(self._resolved, found),
            )

    def cancel(self) -> None:
        self._over = True
        if self._connector is not None:
            self._connector.cancel()
        protocols: tuple[Any, ...] = (self._tunnel, self._protocol)
        for protocol in protocols:
            if getattr(protocol, "transport", None) is not None:
                protocol.transport.abort()

    def _lap(self, name: str) -> None:
        now = self._client.reactor.time()
        self._timings[name] = now - self._began
        self._began = now

    def _secured(self, protocol: Any) -> Any:
        # Only now: `ssl` and the trust store take longer to load than many a transfer.
        from reactor.net.tls import TlsProtocol

        return TlsProtocol(
            self._client.tls_context(),
            protocol,
            self._not_secured,
            server_hostname=self._route.host.partition("%")[0],  # no certificate names a zone
            limits=self._client.limits,
            pins=self._client.pins,
        )

    def _resolved(self, found: list[Address] | OSError) -> None:
        if self._over:
            return
        if isinstance(found, OSError):
            self._failed(
                resolve_failure(self._text, self._host, found, self._route.proxy is not None)
            )
            return
        self._lap("dns")
        family = self._client.family
        usable = [address for address in found if family in {None, address[0]}]
        if not usable:
            self._failed(family_failure(self._text, self._host, family == AF_INET6))
            return
        self._connect(with_port(usable, self._port))

    def _connect(self, addresses: list[ConnectTo]) -> None:
        self._connector = self._client.reactor.connect(
            addresses, self._connected, self._not_connected, self._client.limits
        )

    def _connected(self) -> Any:
        """What the connection carries first."""
        self._lap("connect")
        if self._route.proxy is not None and self._route.scheme == "https":
            self._tunnel = _Tunnel(self, self._route, self._client)
            return self._tunnel
        return self._protocol

    def _not_connected(self, error: OSError) -> None:
        failure = connect_failure(self._text, self._where, error)
        failure.__cause__ = error
        self._failed(failure)

    def _not_secured(self, error: Exception) -> None:
        self._failed(tls_failure(self._text, f"{self._route.host} port {self._route.port}", error))

    # --- what the steps tell --------------------------------------------------------------

    def tunnelled(self, transport: Any, behind: bytes) -> None:
        """The proxy has connected; what it carries from here on is the origin's."""
        transport.set_protocol(self._protocol)
        self._protocol.connection_made(transport)
        if behind:
            self._protocol.data_received(behind)

    def opened(self) -> None:
        """The machine is connected."""
        if self._route.scheme == "https":
            self._lap("tls")
        self._over = True
        self._on_opened()

    def tunnel_failed(self, error: Exception) -> None:
        self._failed(
            transfer_failure(self._text, self._where, error, response_begun=False, in_body=False)
        )

    def _failed(self, error: FetchError) -> None:
        if not self._over:
            self._over = True
            self._on_failed(error)


class _Tunnel(Protocol):
    """Asks a proxy for a connection to the origin (RFC 9110 9.3.6)."""

    def __init__(self, opening: Opening, route: Route, client: ClientServices) -> None:
        authority = f"{bracketed(route.host)}:{route.port}"
        self._message = serialise_request(
            "CONNECT", authority, [("Host", authority), *proxy_fields(route.proxy)]
        )
        self._opening = opening
        self._limits = client.limits
        self._trace = client.trace
        self._interim = 0
        self._parser = ResponseParser(client.limits, lenient=True)
        self._parser.expect("CONNECT")
        self.transport: Any = None

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        transport.set_deadline(self._limits.connect_timeout_s)
        if self._trace is not None:
            self._trace(self._message)
        transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        try:
            while isinstance(item := self._parser.next(), Response):
                if self._trace is not None:
                    self._trace(item)
                if item.status >= 200:
                    self._answered(item)
                    return
                self._interim += 1
                if self._interim > self._limits.interim_responses_max:
                    raise FetchError("the proxy sends no end of interim responses", EXIT_RECEIVE)
        except (ProtocolError, FetchError) as error:
            self._fail(error)

    def _answered(self, response: Response) -> None:
        if not 200 <= response.status < 300:
            refusal = f"the proxy answered {response.status} to CONNECT"
            self._fail(FetchError(refusal, EXIT_RECEIVE))
            return
        self.transport.set_deadline(None)
        self._opening.tunnelled(self.transport, self._parser.leftover())

    def deadline_expired(self) -> None:
        self._fail(TimeoutError("the proxy did not answer"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._opening.tunnel_failed(exc or ConnectionError("the proxy closed the connection"))

    def _fail(self, error: Exception) -> None:
        self._opening.tunnel_failed(error)
        self.transport.abort()


def proxy_fields(proxy: Url | None) -> list[tuple[str, str]]:
    """The credentials for a proxy, if its URL has some."""
    if proxy is None or proxy.credentials is None:
        return []
    return [("Proxy-Authorization", basic(*proxy.credentials))]
