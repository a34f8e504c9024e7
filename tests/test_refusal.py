"""What `get` shows of the body of an answer that is none: one line, and nothing that drives a
terminal."""

from __future__ import annotations

import fetching
import pytest
from fetching import answer

get, serve_by = fetching.get, fetching.serve_by

TEXT = "Content-Type: text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "fields", "shown"),
    [
        (b"use https:// instead\n", [TEXT], ": use https:// instead"),
        (b"\n  first \r\nsecond\n", ["content-type: TEXT/PLAIN"], ": first"),
        ("caf\u00e9 \x1b[31m\x07red\u202e".encode(), [TEXT], ": caf\u00e9 [31mred"),
        (b"\xff\xfe", [TEXT], ": \ufffd\ufffd"),
        (b"x" * 200, [TEXT], ": " + "x" * 200),
        (b"x" * 201, [TEXT], ": " + "x" * 200 + "..."),
        (b"line\n" * 204 + b"last", [TEXT], ": line"),
        # Long, encoded, of another type; or no more than the status itself.
        (b"line\n" * 205, [TEXT], ""),
        (b"line\n" * 100_000, [TEXT], ""),
        (b"text", [TEXT, "Content-Encoding: gzip"], ""),
        (b"<p>no", ["Content-Type: text/html"], ""),
        (b"no", [], ""),
        (b"", [TEXT], ""),
        (b" \n", [TEXT], ""),
        (b"Bad Request\n", [TEXT], ""),
        (b"400 bad request.", [TEXT], ""),
    ],
)
@pytest.mark.parametrize("options", [[], ["--compressed"]])
def test_the_first_line_of_a_short_text(get, serve_by, body, fields, shown, options):
    server = serve_by(lambda path, head: answer(body, "400 Bad Request", *fields))
    _, stderr = get("-q", *options, server.url, code=22)
    assert stderr == f"reactor: {server.url}: the server answered 400{shown}\n"


def test_however_it_comes(get, serve_by):
    head = f"HTTP/1.1 403 Forbidden\r\n{TEXT}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in b"ask Ann")
    server = serve_by(lambda path, _: head + chunks + b"0\r\n\r\n")
    _, stderr = get("-q", server.url, code=22)
    assert stderr.endswith("the server answered 403: ask Ann\n")
