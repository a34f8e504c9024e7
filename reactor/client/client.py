"""`Client`: transfers on a running reactor, many at a time, over kept connections.

Owns what transfers share: the pools of connections, the resolver, the trust store. Must never
know what a response means.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from reactor.client._transfer import Transfer
from reactor.client.failures import EXIT_CLOSED
from reactor.client.name_resolution import Resolver
from reactor.client.pool import Pools
from reactor.client.proxies import NO_PROXIES, Proxies
from reactor.client.request import ClientRequest, GivenFields, Upload, pairs_of
from reactor.client.url import Url
from reactor.client.writing import Writer
from reactor.errors import FetchError
from reactor.limits import CLIENT_LIMITS, Limits
from reactor.net import Reactor
from reactor.parser._message import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any, BinaryIO, Literal

    from reactor.client.cookies import Cookies

OnHead = Callable[[Response, Transfer], object]
OnBody = Callable[[bytes], object]
OnDone = Callable[[Exception | None], object]


_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class Client:
    """Makes requests on ``reactor``, which its user runs.

    Args:
        cafile: trust the certificates in this file, instead of the system's.
        insecure: trust any certificate.
        certificate: the client's own: a file of PEM, and one of its key if that is another.
        tls_max: "1.2" or "1.3": no later version of TLS.
        pins: SHA-256 of the public keys that a server may have, whatever its certificate says.
        unix_socket: connect there, whatever host a URL names.
        proxies: by default none; `Proxies.from_environment` reads the usual variables.
        per_host: connections to one origin at a time; further transfers wait.
        retries: tries after the first, of what may be repeated.
        compressed: ask for gzip and deflate, and undo them.
        ip: 4 or 6: connect by that version of IP only.
        cookies: those of all requests; by default each has its own, from its redirects.
        trace: gets each request's head as it is sent, and each response that comes, interim
            ones and those of redirects and tries too. They hold secrets.
        note: gets a sentence before each pause after which is tried again.
    """

    def __init__(
        self,
        reactor: Reactor,
        limits: Limits = CLIENT_LIMITS,
        *,
        cafile: str | None = None,
        insecure: bool = False,
        certificate: tuple[str, str | None] | None = None,
        tls_max: Literal["1.2", "1.3"] | None = None,
        pins: Iterable[bytes] = (),
        unix_socket: str | None = None,
        proxies: Proxies = NO_PROXIES,
        per_host: int | None = None,
        retries: int | None = None,
        compressed: bool = False,
        ip: int | None = None,
        cookies: Cookies | None = None,
        trace: Callable[[bytes | Response], object] | None = None,
        note: Callable[[str], object] | None = None,
    ) -> None:
        self.reactor = reactor
        self.limits = limits
        self.unix_socket = unix_socket
        self.proxies = proxies if unix_socket is None else NO_PROXIES
        self.pins = tuple(pins)
        self.per_host = limits.connections_per_host_max if per_host is None else per_host
        self.retries = limits.retries_max if retries is None else retries
        self.compressed = compressed
        self.family: int | None = None if ip is None else _FAMILIES[ip]
        self.writer = Writer(self.proxies, compressed)
        self.cookies = cookies
        self.trace = trace
        self.note = note
        self.resolver = Resolver(reactor, limits)
        self._tls = cafile, insecure, certificate, tls_max
        self._context: ssl.SSLContext | None = None
        self.pools = Pools(self)
        self._transfers: set[Transfer] = set()
        self._closed = False

    def request(
        self,
        method: str,
        url: str | Url,
        *,
        headers: GivenFields = (),
        body: bytes | BinaryIO | Upload | None = None,
        max_time_s: float | None = None,
        retries: int | None = None,
        tries: int = 0,
        on_head: OnHead,
        on_body: OnBody,
        on_done: OnDone,
    ) -> Transfer:
        """Begin a transfer; the callbacks are made while the reactor runs, never from here.

        ``url`` is text, or a `Url` that was parsed before. ``headers`` are a mapping, or pairs.
        ``on_head(response, transfer)`` once, for the response that counts, then ``on_body(data)``
        for each piece, then ``on_done(error)``, once and last. ``body`` is sent with its length,
        or in chunks if it is a file that cannot tell it. ``retries`` may differ from the client's;
        ``tries`` of them were made before.

        Raises:
            FetchError: it is no http or https URL.
            RuntimeError: the client is closed.
            TypeError: the URL is no text.
            LocalProtocolError: a method or a field that no server may be sent.
        """
        if self._closed:
            raise RuntimeError("the client is closed")
        upload = body if body is None or isinstance(body, Upload) else Upload(body)
        where = url if isinstance(url, Url) else Url.parse(url)
        asked = ClientRequest(method, where, pairs_of(headers), upload, self.cookies)
        most = self.retries if retries is None else retries
        transfer = Transfer(self, asked, on_head, on_body, on_done, most, tries)
        transfer.start(max_time_s)
        self._transfers.add(transfer)
        return transfer

    def close(self) -> None:
        """End what is under way, and close every connection. Idempotent.

        Whoever waits for a transfer is told now: its ``on_done`` gets a FetchError (42). What the
        first of these raises is raised from here, after all have ended.
        """
        self._closed = True
        raised: list[Exception] = []
        self.pools.close()
        for transfer in list(self._transfers):
            try:
                transfer.give_up(FetchError(f"{transfer.url}: the client was closed", EXIT_CLOSED))
            except Exception as error:
                raised.append(error)
        self.resolver.close()
        if raised:
            raise raised[0]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # --- what transfers and connections ask -----------------------------------------------------

    def ended(self, transfer: Transfer) -> None:
        self._transfers.discard(transfer)

    def tls_context(self) -> Any:
        """Raises OSError: a file of certificates or keys cannot be used."""
        if self._context is None:
            from reactor.net.tls import client_context

            self._context = client_context(*self._tls)
        return self._context
