"""Requests as bytes, and the way that each goes.

Most requests of a command differ in their target only. What the last one had beside it is
kept, so that it is made and checked once, not once for each of ten thousand files. Must never
know what became of a request.
"""

from __future__ import annotations

from reactor.client.opening import Route, proxy_fields
from reactor.client.proxies import Proxies
from reactor.client.request import ClientRequest
from reactor.parser._serialise import serialise_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Writer:
    """``write(asked)`` is the request up to its body, and the `Route` to its server."""

    def __init__(self, proxies: Proxies, compressed: bool) -> None:
        self._proxies = proxies
        self._compressed = compressed
        self._last: tuple[Any, ...] = ()
        self._start = self._rest = b""
        self._route = Route("", "", 0, None)

    def write(self, asked: ClientRequest) -> tuple[bytes, Route]:
        """Raises FetchError or LocalProtocolError for what cannot be asked for."""
        url = asked.url
        kind = (asked.method, url.origin, url.credentials, asked.fields)
        alone = asked.upload is None and asked.cookies is None
        if alone and kind == self._last:
            # A Url's target holds nothing that would have to be refused: see `Url.parse`.
            return self._start + url.target.encode("ascii") + self._rest, self._route
        proxy = self._proxies.proxy_for(url)
        ours = [("User-Agent", "reactor"), ("Accept", "*/*"), self._coding()]
        before = ""
        if proxy is not None and url.scheme == "http":
            # RFC 9112 3.2.2: a proxy is told the whole URL.
            before = f"http://{url.authority}"
            ours += proxy_fields(proxy)
        target = before + url.target
        message = serialise_request(asked.method, target, asked.lines(ours), None)
        route = Route.to(url, proxy)
        if alone:
            self._last = (*kind[:3], list(asked.fields))
            self._start = f"{asked.method} {before}".encode("ascii")
            self._rest = message[len(self._start) + len(url.target) :]
            self._route = route
        return message, route

    def _coding(self) -> tuple[str, str]:
        if not self._compressed:
            return "Accept-Encoding", "identity"
        from reactor.client.decoding import ACCEPTED  # only who decodes loads zlib

        return "Accept-Encoding", ACCEPTED
