"""Applications that break PEP 3333 or HTTP, each in one way; served as ``wsgi_faults:app``.

`FAULTS` says of each what must come of it:

    500      a whole response with that status, then the end of the connection
    abort    the connection ends before the response does, behind the part that was sent
    end      the same, or the connection ends behind a whole response
    200, 204, 304    no fault of framing: a whole response, and the connection goes on
"""

# ruff: noqa: SIM115 - closing the files is what the server has to do

from __future__ import annotations

import asyncio
import gzip
import io
import os
import sys

PLAIN = [("Content-Type", "text/plain")]
FAULTS = {}
kept = {}


def fault(outcome, name=None):
    """Register an application."""

    def register(application):
        FAULTS[(name or application.__name__).replace(" ", "_")] = (outcome, application)
        return application

    return register


def app(environ, start_response):
    """Runs the fault that the path names; ``/ok`` answers, whatever went before."""
    name = environ["PATH_INFO"].strip("/")
    if name == "ok":
        start_response("200 OK", [*PLAIN, ("Content-Length", "4")])
        return [b"fine"]
    return FAULTS[name][1](environ, start_response)


class Fault(Exception):
    pass


class Body:
    """An iterable whose parts can each be made to fail."""

    def __init__(self, pieces=(b"one", b"two"), close=None, iterate=None):
        self.pieces, self.on_close, self.iterate = pieces, close, iterate

    def __iter__(self):
        return self.iterate() if self.iterate else iter(self.pieces)

    def close(self):
        if self.on_close:
            raise self.on_close


class Unprintable(Exception):
    def __str__(self):
        raise Fault("no text")

    __repr__ = __str__


# --- raising, at every point of a call ----------------------------------------------------

RAISED = [
    Fault("x"), ValueError(), OSError(32, "Broken pipe"), MemoryError(), StopIteration(),
    GeneratorExit(), SystemExit(1), SystemExit(), asyncio.CancelledError(), Unprintable(),
    ConnectionResetError(), BlockingIOError(), TimeoutError(), UnicodeError(),
    BaseException("base"),
]  # fmt: skip


def raising(number, error):
    label = f"{number} {type(error).__name__}"

    @fault("500", f"raise {label} at once")
    def at_once(environ, start_response):
        raise error

    @fault("500", f"raise {label} after start_response")
    def after_start(environ, start_response):
        start_response("200 OK", PLAIN)
        raise error

    if isinstance(error, StopIteration):
        return  # out of an iterator it is no error but the end

    @fault("500", f"raise {label} at the first piece")
    def at_first(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b""
        raise error

    @fault("abort", f"raise {label} after the first piece")
    def after_first(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"piece"
        raise error


for _number, _error in enumerate(RAISED):
    raising(_number, _error)


@fault("500")
def recursion(environ, start_response):
    return recursion(environ, start_response)


@fault("abort", "raise far behind the high-water mark")
def raise_late(environ, start_response):
    start_response("200 OK", PLAIN)
    for _ in range(100):
        yield b"x" * 10_000
    raise Fault


@fault("abort", "raise within its Content-Length")
def raise_within_length(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    yield b"12345"
    raise Fault


# --- start_response -----------------------------------------------------------------------


@fault("500")
def no_start_response(environ, start_response):
    return [b"body"]


@fault("500")
def no_start_response_no_body(environ, start_response):
    return []


@fault("500")
def no_start_response_lazily(environ, start_response):
    yield b"body"


@fault("500")
def no_start_response_no_piece(environ, start_response):
    yield from ()


@fault("500")
def start_response_too_late(environ, start_response):
    yield b"body"
    start_response("200 OK", PLAIN)


@fault("500")
def start_response_twice(environ, start_response):
    start_response("200 OK", PLAIN)
    start_response("200 OK", PLAIN)
    return [b"body"]


@fault("500")
def start_response_twice_before_the_first_piece(environ, start_response):
    start_response("200 OK", PLAIN)
    start_response("200 OK", PLAIN)
    yield b"body"


@fault("abort")
def start_response_twice_after_the_first_piece(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"body"
    start_response("200 OK", PLAIN)
    yield b"body"


@fault("abort")
def exc_info_after_the_first_piece(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"body"
    try:
        raise Fault
    except Fault:
        start_response("500 Oops", PLAIN, sys.exc_info())
    yield b"error page"


@fault("abort")
def exc_info_after_write(environ, start_response):
    start_response("200 OK", PLAIN)(b"written")
    try:
        raise Fault
    except Fault:
        start_response("503 Oops", PLAIN, sys.exc_info())
    return [b"error page"]


@fault("abort")
def exc_info_of_nothing_after_write(environ, start_response):
    start_response("200 OK", PLAIN)(b"written")
    start_response("503 Oops", PLAIN, (None, None, None))
    return [b"error page"]


@fault("500")
def refused_headers_and_swallowed(environ, start_response):
    try:
        start_response("200 OK", [("X", "a\r\nb")])
    except Exception:
        return [b"body"]


@fault("500")
def start_response_without_headers(environ, start_response):
    start_response("200 OK")
    return [b"body"]


# --- status and headers -------------------------------------------------------------------

STATUSES = [
    "abc", "99 x", "20", "", " ", "2000 OK", "20 OK", "200OK", " 200 OK", "2 0 OK", "-20 OK",
    "+20 OK", "0x1 OK", "1_0 OK", "\uff12\uff10\uff10 OK", "\u0662\u0660\u0660 OK", "000 OK",
    "099 OK", "100 Continue", "101 Switching Protocols", "103 Early Hints", "199 x",
    "200 OK\r\nX: y", "200 O\nK", "200 O\rK", "200 O\0K", "200 OK\r\n", "200 \x1b[31m",
    "200 \u65e5", "200 \ud800", "200\tOK", "200\nOK", None, 200, b"200 OK", ("200", "OK"), 2.0,
]  # fmt: skip
HEADERS = [
    None, "", "ab", {}, {"a": "b"}, b"ab", ["ab"], ["a"], [None],
    [("a",)], [("a", "b", "c")], [["a"]], [()], [("a", 1)], [("a", None)], [("a", b"b")],
    [(b"a", "b")], [(b"a", b"b")], [(1, "b")], [(None, "b")], [("a", ["b"])],
    [("", "b")], [(" a", "b")], [("a ", "b")], [("a b", "b")], [("a:", "b")], [("a\r\nb", "c")],
    [("a\n", "b")], [("a\0", "b")], [("\xe9", "b")], [("\u65e5", "b")], [("a\x7f", "b")],
    [("a\tb", "c")], [("(a)", "b")], [("a", "b\r\nSet-Cookie: c=d")], [("a", "b\nc: d")],
    [("a", "b\rc")], [("a", "b\0")], [("a", "\r\n\r\n<script>")], [("a", "b\r\n c")],
    [("a", "\x1b")], [("a", "\x7f")], [("a", "\u65e5")], [("a", "\ud800")], [("a", "\u010a")],
    [("Connection", "close")], [("connection", "keep-alive")], [("Keep-Alive", "timeout=9")],
    [("Transfer-Encoding", "chunked")], [("transfer-encoding", "identity")], [("TE", "trailers")],
    [("Transfer-Encoding", "")], [("Upgrade", "websocket")], [("Trailer", "X")],
    [("Proxy-Connection", "close")],
    [("Transfer-Encoding", "chunked"), ("Content-Length", "4")],
    [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
    [("Content-Length", "4"), ("Content-Length", "4")],
    [("Content-Length", "4"), ("content-length", "5")],
]  # fmt: skip
LENGTHS = [
    "abc", "-1", "+4", "4,4", "4, 4", "4 4", "", "\xb2", "\xb9", "1e3", "0x4", "4.0", "4_0",
    "99999999999999999999", "3", "5", "0", "00", "4;", "4\x0b",
]  # fmt: skip


def refused(name, status, headers):
    @fault("500", name)
    def at_once(environ, start_response):
        start_response(status, headers)
        return [b"body"]

    @fault("500", f"{name} lazily")
    def lazily(environ, start_response):
        start_response(status, headers)
        yield b"body"


for _number, _status in enumerate(STATUSES):
    refused(f"status {_number}", _status, PLAIN)
for _number, _headers in enumerate(HEADERS):
    refused(f"headers {_number}", "200 OK", _headers)
for _number, _length in enumerate(LENGTHS):
    if _length == "5":
        continue  # lazily it is a body that ends too soon: below
    refused(f"length {_number}", "200 OK", [("Content-Length", _length)])


# --- bodies -------------------------------------------------------------------------------

RESULTS = [
    None, "text", b"bytes", 7, 1.5, True, object(), {"a": 1}, {1, 2}, range(3), NotImplemented,
    Fault, Fault(), len, ["text"], [b"a", "b"], [None], [1], (1, 2), [[b"a"]], [bytearray(b"a")],
    [memoryview(b"a")], ("",), [b"a", None], bytearray(b"ab"), memoryview(b"ab"),
]  # fmt: skip


def returning(number, result):
    @fault("500", f"result {number}")
    def at_once(environ, start_response):
        start_response("200 OK", PLAIN)
        return result


for _number, _result in enumerate(RESULTS):
    returning(_number, _result)

YIELDED = ["text", "", None, 7, [b"a"], bytearray(b"a"), memoryview(b"a"), (b"a",), Fault()]


def yielding(number, piece):
    @fault("500", f"yield {number} first")
    def first(environ, start_response):
        start_response("200 OK", PLAIN)
        yield piece

    @fault("abort", f"yield {number} second")
    def second(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"piece"
        yield piece


for _number, _piece in enumerate(YIELDED):
    yielding(_number, _piece)


@fault("500")
def length_too_long_for_a_list(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"12", b"34"]


@fault("500")
def length_too_short_for_a_list(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"12", b"34"]


@fault("abort")
def length_too_long_for_an_iterator(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    yield b"12"
    yield b"34"


@fault("abort")
def length_too_short_for_the_second_piece(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    yield b"12"
    yield b"34\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@fault("end")
def one_byte_behind_its_length(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    yield b"1234"
    yield b"5"


@fault("500")
def length_without_a_body(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return []


@fault("500")
def length_without_a_piece(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    yield b""


@fault("500")
def length_too_short_for_what_is_written(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])(b"1234")
    return []


@fault("500")
def iter_raises(environ, start_response):
    start_response("200 OK", PLAIN)
    return Body(iterate=lambda: 1 // 0)


@fault("500")
def iter_returns_no_iterator(environ, start_response):
    start_response("200 OK", PLAIN)
    return Body(iterate=lambda: [b"a"])


@fault("500")
def iter_returns_none(environ, start_response):
    start_response("200 OK", PLAIN)
    return Body(iterate=lambda: None)


@fault("200")
def close_raises_after_the_body(environ, start_response):
    start_response("200 OK", PLAIN)
    return Body(close=Fault())


@fault("200")
def close_exits_after_the_body(environ, start_response):
    start_response("200 OK", PLAIN)
    return Body(close=SystemExit(3))


@fault("500")
def close_raises_and_there_was_no_body(environ, start_response):
    start_response("200 OK", PLAIN)
    return Body(pieces=(), close=Fault())


@fault("500")
def close_raises_after_the_headers_were_refused(environ, start_response):
    start_response("200 OK", [("Connection", "close")])
    return Body(close=Fault())


@fault("abort")
def close_raises_after_the_body_had_failed(environ, start_response):
    start_response("200 OK", PLAIN)
    return Body(pieces=(b"one", "two"), close=Fault())


@fault("200")
def close_is_no_function(environ, start_response):
    start_response("200 OK", PLAIN)
    body = Body()
    body.close = 3
    return body


@fault("500")
def write_takes_bytes(environ, start_response):
    start_response("200 OK", PLAIN)("text")
    return []


@fault("500")
def write_takes_no_none(environ, start_response):
    start_response("200 OK", PLAIN)(None)
    return []


@fault("500")
def write_in_the_first_piece(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"a")
    yield b"b"


@fault("abort")
def write_in_a_later_piece(environ, start_response):
    write = start_response("200 OK", PLAIN)
    yield b"a"
    write(b"b")


@fault("500")
def write_after_the_response_had_ended(environ, start_response):
    write = start_response("200 OK", PLAIN)
    if "write" in kept:
        kept["write"](b"smuggled")
    kept["write"] = write
    raise Fault


@fault("abort")
def write_and_raise(environ, start_response):
    start_response("200 OK", PLAIN)(b"written")
    raise Fault


@fault("abort")
def write_and_return_text(environ, start_response):
    start_response("200 OK", PLAIN)(b"written")
    return ["text"]


@fault("500")
def environ_taken_apart(environ, start_response):
    environ["wsgi.version"] = environ["wsgi.file_wrapper"] = None
    environ.clear()
    return environ["PATH_INFO"]


@fault("500")
def input_read_with_nonsense(environ, start_response):
    environ["wsgi.input"].read("all")


# --- responses that have no body ----------------------------------------------------------


def bodyless(status, name, body):
    @fault(status[:3], f"{status[:3]} {name}")
    def with_body(environ, start_response):
        start_response(status, [("X", "y")])
        return body()

    @fault(status[:3], f"{status[:3]} {name} and its length")
    def with_length(environ, start_response):
        start_response(status, [("Content-Length", "4")])
        return body()

    @fault("500", f"{status[:3]} {name} and a coding")
    def with_coding(environ, start_response):
        start_response(status, [("Transfer-Encoding", "chunked")])
        return body()


for _status in ("204 No Content", "304 Not Modified"):
    bodyless(_status, "with a list", lambda: [b"body"])
    bodyless(_status, "with an iterator", lambda: iter([b"body"]))
    bodyless(_status, "with a file", lambda: file_body(open(__file__, "rb")))


# --- files --------------------------------------------------------------------------------


def file_body(file):
    from reactor.apps.wsgi import FileWrapper

    return FileWrapper(file)


def file_fault(outcome, name, make, headers=()):
    @fault(outcome, f"file {name}")
    def application(environ, start_response):
        start_response("200 OK", list(headers))
        return environ["wsgi.file_wrapper"](make())


def closed(file):
    file.close()
    return file


def pipe():
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    return open(reading, "rb")


file_fault("500", "in text mode", lambda: open(__file__, encoding="utf-8"))
file_fault("500", "in text mode and empty", lambda: open(os.devnull, encoding="utf-8"))
file_fault("500", "for writing", lambda: open(os.devnull, "wb"))
file_fault("500", "closed before", lambda: closed(open(__file__, "rb")))
file_fault("500", "that is none", object)
file_fault("500", "that is None", lambda: None)
file_fault("500", "of text", lambda: io.StringIO("text"))
file_fault(
    "500", "shorter than it says", lambda: open(__file__, "rb"), [("Content-Length", "99999999")]
)
file_fault("500", "with a refused header", lambda: open(__file__, "rb"), [("Connection", "close")])
file_fault("200", "that is a pipe", pipe)
file_fault("200", "compressed", lambda: gzip.open(io.BytesIO(gzip.compress(b"plain"))))


@fault("500")
def file_without_start_response(environ, start_response):
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))
