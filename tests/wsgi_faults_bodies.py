"""Applications whose bodies, files or use of ``write`` break a rule."""

# ruff: noqa: SIM115 - closing the files is what the server has to do

from __future__ import annotations

import gzip
import io
import os

from wsgi_faulty import PLAIN, Body, Fault, fault, kept

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
