"""What a well-formed response may do to a client: cases for tests/hostile_server.py, as data."""

from __future__ import annotations

import gzip
import zlib

from hostile_cases import CHUNKED, LENGTH, OK, REFUSED, big, late, said
from hostile_server import repeat, trickle, wait


def interims():
    continued = b"HTTP/1.1 100 Continue\r\n\r\n"
    yield said("interim: endless 100", repeat(continued))
    yield said("interim: endless 103", repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
    yield said("interim: endless 199", repeat(b"HTTP/1.1 199 X\r\n\r\n"))
    yield said("interim: large ones", repeat(b"HTTP/1.1 102 X\r\nA: " + b"a" * 8000 + b"\r\n\r\n"))
    yield said(
        "interim: 101 that nobody asked for", b"HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n", codes=REFUSED
    )
    yield said(
        "interim: with a body",
        b"HTTP/1.1 100 X\r\nContent-Length: 4\r\n\r\nevil" + LENGTH,
        codes=REFUSED,
    )
    yield said(
        "interim: with chunks",
        b"HTTP/1.1 100 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + LENGTH,
        codes=REFUSED,
    )
    yield said("interim: two, then the response", continued * 2 + LENGTH, codes=(0,))
    yield late("interim: one, then silence", continued, wait)


def statuses():
    for status in (
        400,
        401,
        403,
        404,
        407,
        409,
        410,
        412,
        417,
        418,
        421,
        426,
        431,
        451,
        500,
        501,
        505,
        511,
        599,
        600,
        999,
    ):
        text = b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nbody" % status
        codes = (22, 8) if status >= 600 else (22,)
        yield said(f"status {status}", text, codes=codes)
    for status in (408, 429, 502, 503, 504):
        text = b"HTTP/1.1 %d X\r\nRetry-After: 100000\r\nContent-Length: 4\r\n\r\nbody" % status
        yield said(f"status {status}, retry after a day", text, codes=(22,))
    ranged = b"HTTP/1.1 206 X\r\n%sContent-Length: 4\r\n\r\nbody"
    for name, field in {
        "whole": b"Content-Range: bytes 0-3/10\r\n",
        "without a range": b"",
        "of nonsense": b"Content-Range: x\r\n",
        "of parts": b"Content-Type: multipart/byteranges; boundary=x\r\n",
    }.items():
        yield said(f"status 206 unasked: {name}", ranged % field, codes=REFUSED)
    yield said(
        "status 416 unasked",
        b"HTTP/1.1 416 X\r\nContent-Range: bytes */4\r\nContent-Length: 0\r\n\r\n",
        codes=(22,),
    )
    yield said("status 304 unasked", b'HTTP/1.1 304 X\r\nETag: "a"\r\n\r\n', codes=REFUSED)
    yield said(
        "status 404 with an endless body",
        b"HTTP/1.1 404 X\r\n\r\n",
        repeat(b"x", 10**8),
        codes=(22,),
        max_time_s=15,
    )
    yield said(
        "status 404 that breaks off",
        b"HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\nbody",
        codes=(18, 22),
    )


def slow():
    yield late("slow: nothing", wait)
    yield late("slow: head, a byte a second", trickle(LENGTH))
    yield late("slow: body, a byte a second", big(), trickle(b"x" * 99))
    yield late("slow: chunks, a byte a second", CHUNKED, trickle(b"1\r\nx\r\n" * 99))
    yield late("slow: chunk size, a byte a tenth", CHUNKED, trickle(b"0" * 99, 0.1))
    yield late("slow: body until close", OK + b"\r\nbody", wait)
    yield late("slow: half a head", LENGTH[:20], wait)
    yield late("slow: half a chunk", CHUNKED + b"4\r\nbo", wait)
    yield late("slow: no last chunk", CHUNKED + b"4\r\nbody\r\n", wait)


BOMB_BYTES = 16_000_000


def encodings():
    squeezed = gzip.compress(b"body")
    bad = (8, 18, 23, 61)

    def encoded(name, data, codes=bad, coding=b"gzip", **more):
        head = OK + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(data))
        return said(
            f"encoding: {name}", head + data, codes=codes, options=("--compressed",), **more
        )

    broken_sum = squeezed[:-8] + bytes([squeezed[-8] ^ 1]) + squeezed[-7:]
    yield encoded(
        "a gzip bomb", gzip.compress(bytes(BOMB_BYTES)), (0, *bad), body=bytes(BOMB_BYTES)
    )
    yield encoded("gzip that is none", b"body")
    yield encoded("gzip cut short", squeezed[:-1])
    yield encoded("gzip without its sum", squeezed[:-8])
    yield encoded("gzip with a wrong sum", broken_sum)
    yield encoded("gzip, only a header", squeezed[:10])
    yield encoded("gzip of nothing", b"", (0, *bad), body=b"")
    yield encoded("two members", squeezed * 2, (0, *bad), body=b"bodybody")
    yield encoded("10,000 empty members", gzip.compress(b"") * 10_000, (0, *bad), body=b"")
    yield encoded("something after gzip", squeezed + b"evil", (0, *bad))
    yield encoded("zlib", zlib.compress(b"body"), (0,), b"deflate")
    yield encoded("deflate that is none", b"\xff\xff\xff", coding=b"deflate")
    yield encoded("gzip twice", gzip.compress(squeezed), (0, *bad), b"gzip, gzip")
    yield encoded("unknown", b"body", bad, b"x-unknown")
    yield encoded("brotli that nobody asked for", b"\x0b\x01\x80body\x03", bad, b"br")
    head = OK + b"Content-Encoding: gzip\r\n\r\n" + squeezed
    yield said("encoding: gzip that nobody asked for", head, codes=(0,), body=squeezed)


# Each with the name of its group.
CASES = [
    (group.__name__, case) for group in (interims, statuses, slow, encodings) for case in group()
]
