"""Applications that raise, call ``start_response`` wrongly, or name what cannot be sent."""

from __future__ import annotations

import asyncio
import sys

from wsgi_faulty import PLAIN, Fault, Unprintable, fault

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
