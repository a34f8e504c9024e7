"""One way to feed a parser, for every test of it: in pieces, to the end of the input.

It boils a run down to an `Outcome` that does not say how the input was cut, so that two runs
can be compared.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from reactor.errors import RemoteProtocolError
from reactor.parser._framing import RequestParser, ResponseParser
from reactor.parser._parts import Body, End

# Of a longer input only some cuts are tried: all of them would be quadratic.
EVERY_CUT_BYTES_MAX = int(os.environ.get("REACTOR_EVERY_CUT_BYTES_MAX", "600"))


@dataclass(frozen=True)
class Whole:
    """A message that arrived whole."""

    start: tuple
    headers: tuple
    body: bytes
    trailers: tuple


@dataclass(frozen=True)
class Outcome:
    messages: tuple[Whole, ...]
    error: tuple[int, str, int] | None
    # The body so far of a message that never ended.
    partial: bytes = b""


def start_of(head) -> tuple:
    if hasattr(head, "method"):
        return head.method, head.target, head.version
    return head.status, head.reason, head.version


class Collector:
    """Pulls whatever a parser has, and puts bodies together."""

    def __init__(self, parser, methods: Iterable[str] = ()) -> None:
        self.parser = parser
        self.methods = list(methods)
        self.messages: list[Whole] = []
        self.head = None
        self.pieces: list[bytes] = []
        # Whether the next response answers the next method.
        self.due = True

    def pull(self) -> None:
        while True:
            if self.due and self.methods:
                self.parser.expect(self.methods.pop(0))
                self.due = False
            event = self.parser.next()
            if event is None:
                return
            if isinstance(event, Body):
                assert event.data and self.head is not None
                self.pieces.append(event.data)
            elif isinstance(event, End):
                self.finish(self.head, b"".join(self.pieces), event.trailers.raw)
            elif event.complete:
                assert self.head is None
                self.finish(event, event.body, ())
            else:
                assert self.head is None and event.body == b""
                self.head = event

    def finish(self, head, body: bytes, trailers: tuple) -> None:
        self.messages.append(Whole(start_of(head), head.headers.raw, body, trailers))
        self.head, self.pieces = None, []
        # An interim response leaves the method waiting.
        self.due = start_of(head)[0] not in range(100, 200)


def outcome(parser, pieces: Iterable[bytes], methods: Iterable[str] = ()) -> Outcome:
    """Feed the pieces and then the end of the input; pull after each of them."""
    collector = Collector(parser, methods)
    error = None
    try:
        for piece in pieces:
            parser.feed(piece)
            collector.pull()
        parser.eof()
        collector.pull()
    except RemoteProtocolError as fault:
        error = (fault.status, fault.code, fault.offset)
    return Outcome(tuple(collector.messages), error, b"".join(collector.pieces))


def cuts(size: int) -> Iterable[int]:
    if size <= EVERY_CUT_BYTES_MAX:
        return range(1, size)
    near = EVERY_CUT_BYTES_MAX // 4
    return [
        *range(1, near),
        *range(max(near, 1), size - near, size // 16 + 1),
        *range(size - near, size),
    ]


def every_way(make, data: bytes, methods: Iterable[str] = ()) -> Outcome:
    """The outcome of `data`, which must be the same however it is cut."""
    methods = tuple(methods)
    whole = outcome(make(), [data], methods)
    single = (data[i : i + 1] for i in range(len(data)))
    assert outcome(make(), single, methods) == whole, "byte by byte"
    for cut in cuts(len(data)):
        assert outcome(make(), [data[:cut], data[cut:]], methods) == whole, f"cut at {cut}"
    return whole


def request_parser() -> RequestParser:
    return RequestParser()


def response_parser(*, lenient: bool = False) -> ResponseParser:
    return ResponseParser(lenient=lenient)
