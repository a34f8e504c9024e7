"""A `Client` for http alone: one connection for each request, no redirects, no proxies.

Knows the interface that the command line is written against. The client with TLS, a pool,
redirects and retries takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from reactor._message import Headers, Response
from reactor.client import Url, _described, _resolve
from reactor.errors import FetchError
from reactor.http._serialise import serialise_request
from reactor.http.client import ClientMachine, Exchange
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop.timers import TimerHandle
from reactor.net import Reactor

OnHead = Callable[[Response, "Transfer"], object]
OnBody = Callable[[Any], object]
OnDone = Callable[[FetchError | None], object]


class Transfer(Exchange):
    """One request on its way; ``cancel`` is the end of its callbacks."""

    def __init__(
        self, client: Client, url: Url, message: bytes, method: str, callbacks: tuple[Any, ...]
    ) -> None:
        self.redirects: list[str] = []
        self.address: str | None = None
        self.timings: dict[str, float] = {}
        self._client = client
        self._url = url
        self._on_head, self._on_body, self._on_done = callbacks
        self._over = False
        self._machine: ClientMachine | None = None
        self._deadline: TimerHandle | None = None
        self._began = client.reactor.time()
        client.reactor.connect(
            _resolve(url), lambda: self._sends(message, method), self.failed, client.limits
        )

    def cancel(self) -> None:
        self._over = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._machine is not None:
            # The machine may be in the middle of its call to us.
            self._client.reactor.call_soon(self._machine.transport.abort)

    def bound(self, seconds: float) -> None:
        late = TimeoutError("the transfer took longer than --max-time")
        self._deadline = self._client.reactor.call_later(seconds, self._give_up, late)

    def head_received(self, response: Response) -> None:
        self.timings["first_byte"] = self._client.reactor.time() - self._began
        if not self._over:
            self._on_head(response, self)

    def body_received(self, data: bytes) -> None:
        if not self._over:
            self._on_body(data)

    def completed(self, trailers: Headers) -> None:
        self._end(None)

    def failed(self, error: Exception) -> None:
        if not self._over:
            told = _described(error, self._url)
            if not isinstance(told, FetchError):
                raise told
            self._end(told)

    def _give_up(self, error: Exception) -> None:
        told = _described(error, self._url)
        self.cancel()
        self._over = False
        self._end(told if isinstance(told, FetchError) else None)

    def _end(self, error: FetchError | None) -> None:
        if not self._over:
            self._over = True
            self.timings["total"] = self._client.reactor.time() - self._began
            if self._deadline is not None:
                self._deadline.cancel()
            self._on_done(error)

    def _sends(self, message: bytes, method: str) -> ClientMachine:
        transfer = self

        class Sends(ClientMachine):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                transfer._machine = self
                transfer.address = str(transport.get_extra_info("peername"))
                self.send(method, message, transfer)

        return Sends(self._client.limits)


class Client:
    """Makes requests on a running reactor."""

    def __init__(self, reactor: Reactor, limits: Limits = DEFAULT_LIMITS) -> None:
        self.reactor = reactor
        self.limits = limits

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        max_time_s: float | None = None,
        on_head: OnHead,
        on_body: OnBody,
        on_done: OnDone,
    ) -> Transfer:
        """Raises FetchError for a URL or a name that is none."""
        parsed = Url.parse(url)
        fields = list(headers)
        given = {name.lower() for name, _ in fields}
        ours = [
            ("Host", parsed.authority),
            ("User-Agent", "reactor"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ]
        fields = [field for field in ours if field[0].lower() not in given] + fields
        message = serialise_request(method, parsed.target, fields, body or b"")
        transfer = Transfer(self, parsed, message, method, (on_head, on_body, on_done))
        if max_time_s is not None:
            transfer.bound(max_time_s)
        return transfer
