"""A pytest plugin: whoever uses `h11.Connection` reads by reactor's parsers (`other_suites.py`).

h11's events, states and writers stay as they are, so the tests of h11's users run unchanged; what
is received is parsed here.
"""

from __future__ import annotations

from typing import Any

import h11
from h11._connection import DEFAULT_MAX_INCOMPLETE_EVENT_SIZE

from reactor import Body, End, Limits, RemoteProtocolError, Request, RequestParser, ResponseParser

OWN = h11.Connection
UNBOUNDED = 1 << 30
MADE: list[Any] = []


class Stream:
    """Stands for h11's receive buffer: what is put into it is fed to the parser."""

    def __init__(self, parser: RequestParser | ResponseParser) -> None:
        self.parser = parser
        self._rest: bytes | None = None

    def __iadd__(self, data: bytes) -> Stream:
        self.parser.feed(data)
        return self

    def __len__(self) -> int:
        return self.parser.buffered

    def __bytes__(self) -> bytes:
        if self._rest is None and self.parser.state == "SWITCHED":
            self._rest = self.parser.leftover()
        return self._rest or b""


class Connection(OWN):  # type: ignore[misc,valid-type]
    def __init__(
        self, our_role: Any, max_incomplete_event_size: int = DEFAULT_MAX_INCOMPLETE_EVENT_SIZE
    ) -> None:
        MADE.append(our_role)
        super().__init__(our_role, max_incomplete_event_size)
        # h11 bounds what waits for more, which `len(Stream)` is; not what a head may have.
        limits = Limits(
            request_line_bytes_max=UNBOUNDED,
            field_bytes_max=UNBOUNDED,
            fields_bytes_max=UNBOUNDED,
        )
        server = our_role is h11.SERVER
        self._parser = RequestParser(limits) if server else ResponseParser(limits, lenient=True)
        self._receive_buffer = Stream(self._parser)
        self._events: list[Any] = []
        self._ended = False

    def send(self, event: Any) -> Any:
        if isinstance(event, h11.Request):
            self._parser.expect(event.method.decode("ascii"))
        return super().send(event)

    def _extract_next_receive_event(self) -> Any:
        state = self.their_state
        if state is h11.DONE and (self._parser.buffered or self._events):
            return h11.PAUSED
        if state in (h11.MIGHT_SWITCH_PROTOCOL, h11.SWITCHED_PROTOCOL):
            return h11.PAUSED
        if not self._events:
            try:
                self._pull()
            except RemoteProtocolError as error:
                raise h11.RemoteProtocolError(str(error), error_status_hint=error.status) from error
        return self._events.pop(0) if self._events else h11.NEED_DATA

    def _pull(self) -> None:
        item = self._parser.next()
        if item is None and self._receive_buffer_closed:
            if not self._ended:
                self._ended = True
                self._parser.eof()
                item = self._parser.next()
            if item is None:
                self._events.append(h11.ConnectionClosed())
        match item:
            case None:
                pass
            case Body(data):
                self._events.append(h11.Data(data=data))
            case End(trailers):
                self._events.append(h11.EndOfMessage(headers=list(trailers.raw)))
            case _:
                self._events += events_of(item)


def events_of(message: Any) -> list[Any]:
    """A head, and what came with it."""
    about = {
        "headers": list(message.headers.raw),
        "http_version": b"1.1" if message.version == 11 else b"1.0",
    }
    if isinstance(message, Request):
        head = h11.Request(method=message.method, target=message.target, **about)
    else:
        kind = h11.InformationalResponse if message.status < 200 else h11.Response
        head = kind(status_code=message.status, reason=message.reason.encode("latin-1"), **about)
        if message.status < 200:
            return [head]
    if not message.complete:
        return [head]
    body = [h11.Data(data=message.body)] if message.body else []
    return [head, *body, h11.EndOfMessage()]


h11.Connection = Connection


def pytest_unconfigure() -> None:
    print(f"\n{len(MADE)} connections read by reactor")
