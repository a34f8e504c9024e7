"""What the listener of ``--metrics`` answers.

    /metrics          text for Prometheus
    /status           a page; JSON for who accepts that, or writes ?json
    /status/events    its changes, once a second, while somebody looks
    /healthz          200: this process answers
    /readyz           200; 503 while the server starts, and while it drains

GET and HEAD only, and nothing that is sent here changes anything. Must never know: where a
snapshot comes from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Protocol

from reactor.apps.events import encode, fields
from reactor.http._exchange import Exchange
from reactor.http.negotiation import prefers
from reactor.parser._message import Request, Response
from reactor.server.status.exposition import OPENMETRICS, PROMETHEUS, exposed
from reactor.server.status.history import History
from reactor.server.status.page import CONTENT_SECURITY_POLICY, page, sections
from reactor.server.status.snapshot import Snapshot

# As often as a person sees a change.
EVERY_S = 1.0
# How long samples are still taken when nobody looks any more: a page that reloads itself, and
# `reactor top`, come again within it. After that an idle process sleeps.
LOOKED_AT_S = 15.0
# Each of them keeps a connection, of which there are `CONNECTIONS_MAX` (listener.py).
VIEWERS_MAX = 8

NO_STORE = ("Cache-Control", "no-store")
SAFE = [NO_STORE, ("X-Content-Type-Options", "nosniff")]


class Timers(Protocol):
    """What `StatusApp` asks of a loop."""

    def time(self) -> float: ...
    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> object: ...


class StatusApp:
    """An app (`reactor.http.app.App`) on what ``snapshot`` returns."""

    name = "--metrics"
    body_bytes_max = 0

    def __init__(self, snapshot: Callable[[], Snapshot], timers: Timers) -> None:
        self._snapshot = snapshot
        self._timers = timers
        self._history = History()
        self._viewers: dict[Exchange, dict[str, str]] = {}  # what each has been sent
        self._sampling = False
        self._looked_at = 0.0

    def respond(self, request: Request) -> Response | Exchange:
        answer = _PATHS.get(request.target.partition("?")[0])
        if answer is None:
            return _text(404, "there is /status, /metrics, /healthz and /readyz\n")
        if request.method not in ("GET", "HEAD"):
            return _text(405, "nothing here can be changed\n", [("Allow", "GET, HEAD")])
        return answer(self, request)

    def _front(self, request: Request) -> Response:
        return Response(307, [("Location", "/status"), *SAFE], b"")

    def _metrics(self, request: Request) -> Response:
        accept = request.headers.get("accept", "")
        openmetrics = prefers(accept, "application/openmetrics-text", "text/plain")
        kind = OPENMETRICS if openmetrics else PROMETHEUS
        text = exposed(self._snapshot(), openmetrics)
        return Response(200, [("Content-Type", kind), ("Vary", "Accept"), *SAFE], text.encode())

    def _healthz(self, request: Request) -> Response:
        return _text(200, "ok\n")

    def _readyz(self, request: Request) -> Response:
        state = self._snapshot().state
        return _text(200 if state == "ready" else 503, f"{state}\n")

    def _status(self, request: Request) -> Response:
        snapshot = self._look()
        if _wants_json(request):
            kind, text = "application/json", as_json(snapshot, self._history)
        else:
            kind, text = "text/html; charset=utf-8", page(snapshot, self._history.samples)
        policy = [("Content-Security-Policy", CONTENT_SECURITY_POLICY), ("Vary", "Accept")]
        return Response(200, [("Content-Type", kind), *policy, *SAFE], text.encode())

    def _events(self, request: Request) -> Response | Exchange:
        if request.method == "HEAD":
            return Response(200, fields(SAFE[1:]), b"")
        if len(self._viewers) >= VIEWERS_MAX:
            return _text(503, "enough look at it\n", [("Retry-After", "5")])
        self._look()
        exchange: Exchange = request.exchange
        exchange.on_disconnect = lambda: self._gone(exchange)
        exchange.begin(Response(200, fields(SAFE[1:])), encode({"retry_s": EVERY_S}))
        self._viewers[exchange] = {}
        self._tell(exchange)
        return exchange

    # --- the last minute ------------------------------------------------------------------

    def _look(self) -> Snapshot:
        """A snapshot for somebody, and one a second from now on."""
        now = self._timers.time()
        self._looked_at = now
        last = self._history.last
        # Two who look at the same moment see one sample.
        snapshot = self._snapshot()
        if last is None or snapshot.clock - last.clock >= EVERY_S / 2:
            self._history.add(snapshot)
        if not self._sampling:
            self._sampling = True
            self._timers.call_later(EVERY_S, self._tick)
        return snapshot

    def _tick(self) -> None:
        if not self._viewers and self._timers.time() - self._looked_at > LOOKED_AT_S:
            self._sampling = False
            return
        self._timers.call_later(EVERY_S, self._tick)
        self._history.add(self._snapshot())
        for exchange in list(self._viewers):
            self._tell(exchange)

    def _tell(self, exchange: Exchange) -> None:
        """What has changed since it was told last."""
        if exchange.over or exchange.disconnected:
            self._gone(exchange)
            return
        if not exchange.room or self._history.last is None:
            return  # it reads slowly, and will see the next state
        told = self._viewers[exchange]
        parts = sections(self._history.last, self._history.samples)
        changed = {name: part for name, part in parts.items() if told.get(name) != part}
        told.update(changed)
        exchange.send(encode({"data": json.dumps(changed, separators=(",", ":"))}))

    def _gone(self, exchange: Exchange) -> None:
        if self._viewers.pop(exchange, None) is not None and not exchange.over:
            exchange.end()


def as_json(snapshot: Snapshot, history: History) -> str:
    """All of a snapshot, and the last minute's samples."""
    samples = [asdict(one) for one in history.samples]
    return json.dumps({**asdict(snapshot), "by_state": snapshot.by_state, "minute": samples})


def _text(status: int, text: str, more: Iterable[tuple[str, str]] = ()) -> Response:
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return Response(status, [kind, *more, *SAFE], text.encode())


def _wants_json(request: Request) -> bool:
    if request.target.partition("?")[2] in ("json", "format=json"):
        return True
    return prefers(request.headers.get("accept", ""), "application/json", "text/html")


_PATHS: dict[str, Callable[[StatusApp, Request], Response | Exchange]] = {
    "/": StatusApp._front,
    "/metrics": StatusApp._metrics,
    "/status": StatusApp._status,
    "/status/events": StatusApp._events,
    "/healthz": StatusApp._healthz,
    "/readyz": StatusApp._readyz,
}
