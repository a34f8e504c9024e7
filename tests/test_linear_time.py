"""What the parser holds is bounded by its limits, and its work by the bytes that it is given.

Time is measured by ``bench/bench_linear.py``, not here: a test that looks at a clock fails when the
machine is busy. Here stand the two causes of quadratic time that can be counted: bytes that are
held, and so looked at again, and memory that grows with the number of pieces.
"""

from __future__ import annotations

import tracemalloc

import pytest
from case_files import Case
from parser_cases import Run

from reactor.errors import RemoteProtocolError
from reactor.limits import DEFAULT_LIMITS, KIB, MIB
from reactor.parser._framing import RequestParser, ResponseParser

READ = DEFAULT_LIMITS.read_bytes_max
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HEAD_BYTES_MAX = (
    DEFAULT_LIMITS.request_line_bytes_max
    + DEFAULT_LIMITS.fields_bytes_max
    + 2 * (DEFAULT_LIMITS.leading_empty_lines_max + 1)
)

# What a peer may send for ever: how it begins, what is repeated, the most that may be held of it
# apart from the last read.
ENDLESS = {
    "empty lines": (b"", b"\r\n", HEAD_BYTES_MAX),
    "method": (b"", b"M", HEAD_BYTES_MAX),
    "target": (b"GET /", b"t", HEAD_BYTES_MAX),
    "field name": (HEAD, b"n", HEAD_BYTES_MAX),
    "field value": (HEAD + b"X: ", b"v", HEAD_BYTES_MAX),
    "fields": (HEAD, b"X: y\r\n", HEAD_BYTES_MAX),
    "large fields": (HEAD, b"X: " + b"y" * 2000 + b"\r\n", HEAD_BYTES_MAX),
    "chunk size": (CHUNKED, b"0", 0),
    "extension": (CHUNKED + b"5;", b"e", 0),
    "extensions": (CHUNKED, b"1;e=f\r\nx\r\n", 0),
    "tiny chunks": (CHUNKED, b"1\r\nx\r\n", 0),
    "trailer": (CHUNKED + b"0\r\nX: ", b"v", DEFAULT_LIMITS.trailers_bytes_max),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n", DEFAULT_LIMITS.trailers_bytes_max),
}
# The same of a server that a lenient client reads.
ANSWER = b"HTTP/1.1 200 OK\r\n"
CHUNKS = ANSWER + b"Transfer-Encoding: chunked\r\n\r\n"
LENIENT = {
    "spaces before the status": (b"HTTP/1.1", b" ", HEAD_BYTES_MAX),
    "controls in the reason": (b"HTTP/1.1 200 ", b"\1", HEAD_BYTES_MAX),
    "spaces before the colon": (ANSWER + b"X", b" ", HEAD_BYTES_MAX),
    "controls in a value": (ANSWER + b"X:", b"\1", HEAD_BYTES_MAX),
    "folds": (ANSWER + b"X: y\r\n", b" z\r\n", HEAD_BYTES_MAX),
    "a fold": (ANSWER + b"X: y\r\n ", b" ", HEAD_BYTES_MAX),
    "lengths": (ANSWER, b"Content-Length: 1\n", HEAD_BYTES_MAX),
    "spaces after a size": (CHUNKS + b"5", b" ", 0),
    "any extension": (CHUNKS + b"5;", b" ;", 0),
    "folded trailers": (CHUNKS + b"0\r\nX: y\r\n", b" z\n", DEFAULT_LIMITS.trailers_bytes_max),
}
EVERY = ENDLESS | LENIENT


def parser_of(name):
    return ResponseParser(lenient=True) if name in LENIENT else RequestParser()


# What may go on for ever, since somebody takes it.
FLOWING = {
    "chunks": (CHUNKED, b"400\r\n" + b"z" * KIB + b"\r\n"),
    "one large chunk": (CHUNKED + b"7fffffffffffffff\r\n", b"z" * KIB),
    "length": (HEAD + b"Content-Length: 9223372036854775807\r\n\r\n", b"z" * KIB),
    "pipelined": (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "pipelined with bodies": (b"", HEAD + b"Content-Length: 5\r\n\r\nhello"),
}


def reads(begin: bytes, repeat: bytes, size: int, total: int):
    """``begin``, then ``repeat`` for ever, as reads of ``size`` bytes up to about ``total``."""
    stream = repeat * (size // len(repeat) + 2)
    yield begin
    at = 0
    for _ in range(total // size):
        yield stream[at : at + size]
        at = (at + size) % len(repeat)


@pytest.mark.parametrize("size", [1, 1460, READ])
@pytest.mark.parametrize("name", EVERY)
def test_what_never_ends_is_refused_within_its_bound(name, size):
    begin, repeat, bound = EVERY[name]
    parser, fed = parser_of(name), 0
    with pytest.raises(RemoteProtocolError) as refused:
        for data in reads(begin, repeat, size, MIB):
            parser.feed(data)
            fed += len(data)
            while parser.next() is not None:
                pass
            assert parser.buffered <= bound
    assert refused.value.status in (400, 413, 414, 431, 501)
    assert parser.buffered == 0
    parser.feed(repeat * 1000)
    assert parser.buffered == 0, "nothing is kept after an error"
    # Refused with the byte that breaks the bound: the offset does not depend on the reads.
    assert refused.value.offset <= fed
    again = parser_of(name)
    with pytest.raises(RemoteProtocolError) as whole:
        for data in reads(begin, repeat, READ, MIB):
            again.feed(data)
            while again.next() is not None:
                pass
    assert (whole.value.code, whole.value.offset) == (refused.value.code, refused.value.offset)


@pytest.mark.parametrize("size", [1, 1460, READ])
@pytest.mark.parametrize("name", FLOWING)
def test_a_flowing_stream_is_not_held(name, size):
    begin, repeat = FLOWING[name]
    parser = RequestParser()
    for data in reads(begin, repeat, size, 64 * KIB if size == 1 else 4 * MIB):
        parser.feed(data)
        while parser.next() is not None:
            pass
        assert parser.buffered < HEAD_BYTES_MAX
        if not name.startswith("pipelined"):
            assert parser.buffered <= 2


@pytest.mark.parametrize("name", FLOWING)
def test_memory_does_not_grow_with_the_stream(name):
    """The parser's own memory, and what it gives out when nobody keeps it."""
    begin, repeat = FLOWING[name]
    data = list(reads(begin, repeat, READ, 8 * MIB))
    parser = RequestParser()
    tracemalloc.start()
    try:
        for piece in data:
            parser.feed(piece)
            while parser.next() is not None:
                pass
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Two reads' worth of buffer while it grows, and the Body made of one read.
    assert peak <= 4 * READ + HEAD_BYTES_MAX + 64 * KIB


@pytest.mark.parametrize("name", EVERY)
def test_memory_of_a_hostile_peer_is_bounded(name):
    begin, repeat, _bound = EVERY[name]
    data = list(reads(begin, repeat, READ, 2 * MIB))
    parser = parser_of(name)
    tracemalloc.start()
    try:
        for piece in data:
            parser.feed(piece)
            try:
                while parser.next() is not None:
                    pass
            except RemoteProtocolError:
                pass
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 4 * READ + HEAD_BYTES_MAX + 64 * KIB
    assert now <= 64 * KIB


def test_nothing_is_kept_after_the_last_message():
    it = Run(Case("close", "request", b"", ""))
    it.feed(HEAD + b"Connection: close\r\n\r\n")
    assert len(it.messages) == 1
    for _ in range(100):
        it.feed(b"x" * READ)
        assert it.parser.buffered == 0
    assert len(it.messages) == 1


def test_a_response_until_close_is_not_held():
    parser = ResponseParser()
    parser.expect("GET")
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\n")
    taken = 0
    for _ in range(100):
        parser.feed(b"x" * READ)
        while (event := parser.next()) is not None:
            taken += len(getattr(event, "data", b""))
        assert parser.buffered == 0
    assert taken == 100 * READ


def test_what_is_fed_but_not_pulled_is_held_and_counted():
    """The caller sets the pace: backpressure is to stop feeding when ``buffered`` is high."""
    parser, request = RequestParser(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for count in range(1, 9):
        parser.feed(request * 100)
        assert parser.buffered == count * 100 * len(request)
    assert sum(1 for _ in iter(parser.next, None)) == 800
    assert parser.buffered == 0
