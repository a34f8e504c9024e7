"""The one way to run a case: the parser, fed in any pieces.

What comes out is boiled down to an ``Outcome`` that two runs can be compared by. It must never
judge: what is right is said by the vectors and by the tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from case_files import Case, Fields, Message

from reactor.errors import RemoteProtocolError
from reactor.parser._framing import RequestParser, ResponseParser
from reactor.parser._parts import Body, End

# Every two-way cut of a longer input is quadratic: of those, the ends and a stride are taken.
EVERY_CUT_BYTES_MAX = int(os.environ.get("REACTOR_EVERY_CUT_BYTES_MAX", "2048"))
STRIDE = 499
# Each cut of a still longer one costs a millisecond.
STRIDED_BYTES_MAX = 1 << 14


@dataclass(frozen=True)
class Outcome:
    """What a parser made of an input: whole messages, then perhaps an error."""

    messages: tuple[Message, ...]
    error: tuple[int, str, int] | None = None
    leftover: bytes = b""

    @property
    def verdict(self) -> str:
        return "reject" if self.error else "accept" if self.messages else "incomplete"


class Run:
    """One parser, fed piece by piece; keeps what came out and when."""

    def __init__(self, case: Case, limits=None) -> None:
        self.case = case
        if case.kind == "request":
            self.parser = RequestParser(limits)
        else:
            self.parser = ResponseParser(limits, lenient=case.lenient)
        self.methods = list(case.methods)
        self.expecting = False
        self.head = None
        self.parts: list[bytes] = []
        self.messages: list[Message] = []
        self.ends: list[int] = []
        self.fed = 0
        self.error: tuple[int, str, int] | None = None

    def feed(self, piece) -> None:
        self.parser.feed(piece)
        self.fed += len(piece)
        self.drain()

    def drain(self) -> None:
        try:
            self._take_all()
        except RemoteProtocolError as error:
            said = (error.status, error.code, error.offset)
            # An error stays: the same one, however often one asks.
            assert self.error in (None, said), (self.error, said)
            self.error = said

    def _take_all(self) -> None:
        while True:
            if self.case.kind == "response" and not self.expecting:
                self.parser.expect(self.methods.pop(0) if self.methods else "GET")
                self.expecting = True
            event = self.parser.next()
            if event is None:
                return
            assert self.error is None, f"{event!r} after an error"
            self._take(event)

    def _take(self, event) -> None:
        if isinstance(event, Body):
            assert self.head is not None and len(event.data) > 0
            self.parts.append(bytes(event.data))
        elif isinstance(event, End):
            assert self.head is not None
            self._finish(b"".join(self.parts), event.trailers.raw)
        else:
            assert self.head is None, "a head in the middle of a message"
            self.head = event
            if event.complete:
                self._finish(event.body, ())

    def _finish(self, body: bytes, trailers: Fields) -> None:
        head, self.head, self.parts = self.head, None, []
        line = (
            (head.method, head.target)
            if self.case.kind == "request"
            else (head.status, head.reason)
        )
        self.messages.append(Message(line, head.version, head.headers.raw, body, tuple(trailers)))
        self.ends.append(self.fed - self.parser.buffered)
        if line[0] not in range(100, 200):
            self.expecting = False

    def finish(self) -> Outcome:
        if self.case.eof and self.error is None:
            try:
                self.parser.eof()
            except RemoteProtocolError as error:
                self.error = (error.status, error.code, error.offset)
            else:
                self.drain()
        leftover = self.parser.leftover() if self.case.leftover is not None else b""
        return Outcome(tuple(self.messages), self.error, bytes(leftover))


def run(case: Case, pieces: Iterable[bytes], limits=None) -> Outcome:
    it = Run(case, limits)
    for piece in pieces:
        it.feed(piece)
    return it.finish()


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 1] for i in range(len(data)))


def cuts(length: int) -> Iterable[int]:
    """Where to cut an input in two: everywhere, but for long ones the ends and a stride."""
    if length <= EVERY_CUT_BYTES_MAX:
        return range(length + 1)
    near = 512 if length <= STRIDED_BYTES_MAX else 64
    middle = range(near, length - near, max(STRIDE, length // 64))
    return sorted({*range(near), *middle, *range(length - near, length + 1)})
