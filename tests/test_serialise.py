"""Bytes out: what is added, what is refused, and that it comes back as it was."""

from __future__ import annotations

import pytest
from feeding import outcome

from reactor.errors import LocalProtocolError
from reactor.parser._framing import RequestParser, ResponseParser
from reactor.parser._headers import Headers
from reactor.parser._serialise import (
    reason_phrase,
    serialise_chunk,
    serialise_last_chunk,
    serialise_request,
    serialise_response,
)

HOST = {"Host": "a"}
CHUNKED = {"Host": "a", "Transfer-Encoding": "chunked"}

# --- heads and framing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "wire"),
    [
        (("GET", "/", HOST), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (("GET", "/", HOST, b"x"), b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"),
        (("GET", "/", (), b"", 10), b"GET / HTTP/1.0\r\n\r\n"),
        (("POST", "/", HOST), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
        (
            ("PUT", "/", HOST, "\xe9"),
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\xc3\xa9",
        ),
        (("PATCH", "/", HOST, None), b"PATCH / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (("DELETE", "/", HOST), b"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (("OPTIONS", "*", HOST), b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            (b"GET", b"http://b/", [(b"host", b"b"), ("A", "")]),
            b"GET http://b/ HTTP/1.1\r\nhost: b\r\nA: \r\n\r\n",
        ),
        (
            ("POST", "/", {**HOST, "Content-Length": "2"}, b"hi"),
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        ),
        (
            ("POST", "/", CHUNKED),
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
    ],
)
def test_requests(arguments, wire):
    assert serialise_request(*arguments) == wire


@pytest.mark.parametrize(
    ("arguments", "wire"),
    [
        ((200,), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ((200, {"A": "b"}, b"hi"), b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nhi"),
        ((404, Headers({"A": "b"}), None), b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"),
        (
            (200, (), "\xe9", "caf\xe9", 10),
            b"HTTP/1.0 200 caf\xe9\r\nContent-Length: 2\r\n\r\n\xc3\xa9",
        ),
        ((299, (), b"", ""), b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"),
        ((100,), b"HTTP/1.1 100 Continue\r\n\r\n"),
        ((199,), b"HTTP/1.1 199 Unknown\r\n\r\n"),
        ((204,), b"HTTP/1.1 204 No Content\r\n\r\n"),
        ((304,), b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ((304, {"Content-Length": "9"}), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        (
            (200, {"Content-Length": "2"}, b"hi"),
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        ),
        ((205,), b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
        (
            (200, {"Transfer-Encoding": "chunked"}),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
    ],
)
def test_responses(arguments, wire):
    assert serialise_response(*arguments) == wire


def test_chunks():
    assert serialise_chunk(b"") == serialise_chunk(bytearray()) == b""
    assert serialise_chunk(memoryview(b"x" * 26)) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert serialise_last_chunk() == b"0\r\n\r\n"
    assert serialise_last_chunk([("A", "b"), ("A", "c")]) == b"0\r\nA: b\r\nA: c\r\n\r\n"


def test_reasons():
    assert [reason_phrase(s) for s in (100, 431, 511, 999)] == [
        "Continue",
        "Request Header Fields Too Large",
        "Network Authentication Required",
        "Unknown",
    ]


# --- what is refused ----------------------------------------------------------------------------

BREAKING = ["\r\n", "\r", "\n", "\0", "\x0b", "\x7f"]


@pytest.mark.parametrize("byte", BREAKING)
def test_no_control_byte_goes_out(byte):
    for call, arguments in (
        (serialise_request, (f"GE{byte}T", "/", HOST)),
        (serialise_request, ("GET", f"/{byte}x", HOST)),
        (serialise_request, ("GET", "/", {**HOST, "A": f"b{byte}c"})),
        (serialise_request, ("GET", "/", {**HOST, f"A{byte}": "b"})),
        (serialise_response, (200, {"A": f"b{byte}c"})),
        (serialise_response, (200, {f"A{byte}": "b"})),
        (serialise_response, (200, (), b"", f"O{byte}K")),
        (serialise_last_chunk, ({"A": f"b{byte}c"},)),
        (serialise_last_chunk, ({f"A{byte}": "b"},)),
    ):
        with pytest.raises(LocalProtocolError):
            call(*arguments)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (serialise_request, ("GET", "/")),
        (serialise_request, ("GET", "/", {"Host": "a b"})),
        (serialise_request, ("GET", "/ HTTP/1.1", HOST)),
        (serialise_request, ("GET", "x", HOST)),
        (serialise_request, ("POST", "/", {**HOST, "Content-Length": "1"}, b"xx")),
        (serialise_request, ("POST", "/", {**HOST, "Content-Length": "1"})),
        (serialise_request, ("POST", "/", {**CHUNKED, "Content-Length": "1"}, None)),
        (serialise_request, ("GET", "/", HOST, b"", 12)),
        (serialise_response, (200, {"Content-Length": "1"}, b"xx")),
        (serialise_response, (204, (), b"x")),
        (serialise_response, (304, (), b"x")),
        (serialise_response, (100, (), b"x")),
        (serialise_response, (99,)),
        (serialise_response, (200, (), b"", None, 9)),
        (serialise_response, (200, {"Transfer-Encoding": "gzip, chunked"})),
        (serialise_last_chunk, ({"Content-Length": "1"},)),
        (serialise_last_chunk, ({"a": "b", "HOST": "x"},)),
    ],
)
def test_what_contradicts_itself_is_refused(call, arguments):
    with pytest.raises(LocalProtocolError):
        call(*arguments)


def test_a_body_to_serialise_is_bytes():
    for call in (
        lambda: serialise_request("POST", "/", HOST, iter([b"x"])),
        lambda: serialise_response(200, (), [b"x"]),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(TypeError):
        serialise_chunk("text")
    with pytest.raises(TypeError):
        serialise_chunk(5)


# --- there and back -----------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 40])
def test_a_request_comes_back(body):
    fields = [("Host", "a"), ("X-\xe9"[:2] + "Y", "caf\xe9\t!"), ("x", ""), ("X", "2")]
    wire = serialise_request("POST", "/a?b", fields, body)
    [message] = outcome(RequestParser(), [wire]).messages
    assert (message.start, message.body) == (("POST", "/a?b", 11), body)
    assert Headers(message.headers) == Headers([*fields, ("Content-Length", str(len(body)))])


@pytest.mark.parametrize("sizes", [[], [1], [0, 5, 0, 300], [17] * 50])
def test_a_chunked_response_comes_back(sizes):
    parts = [bytes([65 + n % 26]) * size for n, size in enumerate(sizes)]
    wire = b"".join(
        [
            serialise_response(200, {"Transfer-Encoding": "chunked"}, None),
            *map(serialise_chunk, parts),
            serialise_last_chunk({"Digest": "x"}),
        ]
    )
    [message] = outcome(ResponseParser(), [wire]).messages
    assert (message.body, message.trailers) == (b"".join(parts), ((b"Digest", b"x"),))


def test_parsed_headers_go_out_as_they_came():
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\nhOST:a\r\nX:  \xe9  \r\n\r\n")
    request = parser.next()
    assert serialise_request(request.method, request.target, request.headers) == (
        b"GET / HTTP/1.1\r\nhOST: a\r\nX: \xe9\r\n\r\n"
    )
