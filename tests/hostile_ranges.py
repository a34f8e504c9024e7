"""Answers to who continues, and responses that nobody asked for: cases for tests/hostile_server.py.

An earlier try has left the first two of four bytes, of a version with a strong ETag. Whatever
the server says of the rest, the file is in the end the whole of one version, or it is not there.
"""

from __future__ import annotations

from hostile_cases import LENGTH, NO_HEAD, OK, PARTIAL, said
from hostile_server import Case, Peer, Step, ask, by_range, cut, repeat, reset, wait

ETAG = '"v1"'
DATE = "Mon, 23 Nov 2026 15:51:40 GMT"
PART = b"bo"
TAG = b'ETag: "v1"\r\n'
HEAD = b"HTTP/1.1 206 Partial Content\r\n"
RIGHT = b"Content-Range: bytes 2-3/4\r\n"
TWO = b"Content-Length: 2\r\n"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
SECRET = ("--user", "abc:s3cr3t", "-H", "Cookie: id=s3cr3t")
# The whole, to who asks for it.
WHOLE = OK + TAG + b"Content-Length: 4\r\nConnection: close\r\n\r\nbody"


def rest(name: str, *steps: Step, codes=(0,), whole: Step = WHOLE, options=(), **more) -> Case:
    """The steps are what is answered to a request for the rest; others get the whole."""

    def answer(peer: Peer) -> None:
        for step in steps:
            by_range(step, b"")(peer)

    return said(
        f"rest: {name}",
        by_range(answer, whole),
        codes=codes,
        part=PART,
        options=("--continue", *options),
        **more,
    )


def wrong_ranges():
    for name, value in {
        "from before": b"bytes 1-3/4",
        "from the start": b"bytes 0-3/4",
        "from further on": b"bytes 3-3/4",
        "not to the end": b"bytes 2-2/4",
        "beyond the end": b"bytes 2-4/4",
        "backwards": b"bytes 3-2/4",
        "of a longer file": b"bytes 2-3/5",
        "of another file": b"bytes 2-5/6",
        "of an unknown length": b"bytes 2-3/*",
        "unsatisfied": b"bytes */4",
        "of nothing": b"bytes */*",
        "signed": b"bytes +2-3/4",
        "negative": b"bytes -2-3/4",
        "hexadecimal": b"bytes 0x2-0x3/0x4",
        "of 2^64": b"bytes 2-18446744073709551617/18446744073709551618",
        "of 100 digits": b"bytes " + b"2" * 100 + b"-3/4",
        "of two parts": b"bytes 2-2,3-3/4",
        "of another unit": b"items 2-3/4",
        "without a unit": b"2-3/4",
        "with an equals sign": b"bytes=2-3/4",
        "without a total": b"bytes 2-3",
        "empty": b"",
        "of nonsense": b"x" * 1000,
        "spaced": b"bytes 2 - 3 / 4",
        "in another script": "bytes \u0662-\u0663/\u0664".encode(),
    }.items():
        field = b"Content-Range: " + value + b"\r\n"
        yield rest(f"range {name}", HEAD + TAG + field + TWO + b"\r\nXX")
    yield rest("no range", HEAD + TAG + TWO + b"\r\nXX")
    two = RIGHT + b"Content-Range: bytes 0-1/4\r\n"
    yield rest("two ranges", HEAD + TAG + two + TWO + b"\r\nXX")
    parts = b"Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 62\r\n\r\n"
    part = b"--x\r\nContent-Range: bytes 2-3/4\r\n\r\nXX\r\n--x--\r\n".ljust(62, b"\n")
    yield rest("parts", HEAD + TAG + parts + part)
    yield rest("parts and a range", HEAD + TAG + RIGHT + parts + part)
    yield rest("a range, and parts as long as it", HEAD + TAG + RIGHT + parts[:-6] + b"2\r\n\r\nXX")


def wrong_bodies():
    head = HEAD + TAG + RIGHT
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    yield rest("a longer body", head + b"Content-Length: 3\r\n\r\ndyX")
    yield rest("a shorter body", head + b"Content-Length: 1\r\n\r\nX")
    yield rest("no body", head + b"Content-Length: 0\r\n\r\n")
    yield rest("more than its length", head + TWO + b"\r\ndyXX", codes=(0, 8))
    yield rest("chunks, too many", chunked + b"3\r\ndyX\r\n0\r\n\r\n")
    yield rest("chunks, just as many", chunked + b"2\r\ndy\r\n0\r\n\r\n")
    yield rest("chunks, too few", chunked + b"1\r\nd\r\n0\r\n\r\n", codes=PARTIAL)
    yield rest("until close, too many", head + b"\r\ndyX", cut)
    yield rest("until close, too few", head + b"\r\nd", cut, codes=PARTIAL)
    yield rest("endless chunks", chunked, repeat(b"1\r\nd\r\n"))
    yield rest("endless until close", head + b"\r\n", repeat(b"d", 10**8))
    yield rest("breaks off", head + TWO + b"\r\nd", cut, codes=PARTIAL)
    yield rest("is reset", head + TWO + b"\r\nd", reset, codes=(18, 56))
    yield rest("no answer", cut, codes=NO_HEAD)
    yield rest("silence", wait, codes=(28,), max_time_s=0.3)
    squeezed = b"Content-Encoding: gzip\r\n"
    yield rest("a coding", head + squeezed + TWO + b"\r\nXX")


def other_versions():
    for name, fields in {
        "another ETag": b'ETag: "v2"\r\n',
        "a weak ETag": b'ETag: W/"v1"\r\n',
        "an ETag without quotes": b"ETag: v1\r\n",
        "another date": b"Last-Modified: Mon, 23 Nov 2026 15:51:41 GMT\r\n",
    }.items():
        yield rest(f"206, {name}", HEAD + fields + RIGHT + TWO + b"\r\nXX")
        full = b"HTTP/1.1 416 X\r\nContent-Range: bytes */2\r\nContent-Length: 0\r\n"
        yield rest(f"416, {name}", full + fields + b"\r\n")
    yield rest("206 that is right", HEAD + TAG + RIGHT + TWO + b"\r\ndy")
    yield rest("the whole", WHOLE)
    other = OK + b'ETag: "v2"\r\nContent-Length: 2\r\n\r\nno'
    yield rest("a shorter file", other, whole=other, body=b"no")
    yield rest("a file of nothing", OK + b"Content-Length: 0\r\n\r\n", body=b"")
    yield rest("a longer file that breaks off", OK + b"Content-Length: 9\r\n\r\nno", codes=PARTIAL)


def wrong_refusals():
    for name, value in {
        "of a longer file": b"bytes */9",
        "of a shorter file": b"bytes */1",
        "of the whole": b"bytes */4",
        "of an unknown length": b"bytes */*",
        "of a range": b"bytes 0-1/2",
        "of nonsense": b"x",
        "of 2^64 + 2": b"bytes */18446744073709551618",
    }.items():
        field = b"Content-Range: " + value + b"\r\n"
        refused = b"HTTP/1.1 416 X\r\n" + TAG + field + b"Content-Length: 2\r\n\r\nXX"
        yield rest(f"416 {name}", refused)
        yield rest(f"416 {name}, always", refused, whole=refused, codes=(22,))
    # What is there is not the whole by its sidecar, whatever the server says now.
    full = b"HTTP/1.1 416 X\r\n" + TAG + b"Content-Range: bytes */2\r\nContent-Length: 0\r\n\r\n"
    yield rest("416 of as many bytes as are there", full)
    bare = b"HTTP/1.1 416 X\r\nContent-Length: 0\r\n\r\n"
    yield rest("416 without a range", bare)
    yield rest("416 with an endless body", bare.replace(b"0", b"9" * 15), repeat(b"x", 10**8))
    always = HEAD + TAG + RIGHT + TWO + b"\r\nXX"
    yield rest("206 to everything", HEAD + TWO + b"\r\nXX", whole=always, codes=(8,))
    for status in (400, 403, 404, 412, 500):
        text = b"HTTP/1.1 %d X\r\n%sContent-Length: 2\r\n\r\nXX" % (status, TAG + RIGHT)
        yield rest(f"{status}", text, codes=(22,))
    yield rest("304", b"HTTP/1.1 304 X\r\n" + TAG + b"\r\n", codes=(8, 22))
    yield rest("204", b"HTTP/1.1 204 X\r\n" + TAG + b"\r\n", codes=(0, 8), body=b"")
    moved = b"HTTP/1.1 302 X\r\nLocation: http://{other}/page\r\nContent-Length: 0\r\n\r\n"
    yield Case(
        "rest: of another origin, which sends the whole",
        (ask, moved),
        (0,),
        part=PART,
        options=("--continue", *SECRET),
    )


def kept(name: str, *first: Step, codes=(0,)) -> Case:
    """What is sent after a redirect's end may not be taken for the answer to the next request."""

    def serve(peer: Peer) -> None:
        while True:
            target = peer.received[-1].split(b" ")[1]
            for step in first if target == b"/page" else (LENGTH,):
                if isinstance(step, bytes):
                    peer.sock.sendall(step)
                else:
                    step(peer)
            ask(peer)

    return said(f"kept: {name}", serve, codes=codes, options=SECRET)


def injected():
    to = b"HTTP/1.1 302 X\r\nLocation: /next\r\n"
    empty = to + b"Content-Length: 0\r\n\r\n"
    chunks = to + b"Transfer-Encoding: chunked\r\n\r\n"
    yield kept("nothing", empty)
    yield kept("a response", empty + EVIL)
    yield kept("two responses", empty + EVIL + EVIL)
    yield kept("a response, after a body", to + b"Content-Length: 4\r\n\r\nbody" + EVIL)
    yield kept("a response, after chunks", chunks + b"1\r\nx\r\n0\r\n\r\n" + EVIL)
    yield kept("a response, after trailers", chunks + b"0\r\nA: b\r\n\r\n" + EVIL)
    yield kept("a response, where no body may be", to.replace(b"302", b"301") + b"\r\n", cut)
    yield kept("the start of a response", empty + EVIL[:-4])
    yield kept("the start of a head", empty + b"HTTP/1.1 200 OK\r\nX: ")
    yield kept("the start of a body", empty + EVIL[:-2])
    yield kept("an interim response", empty + b"HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n")
    yield kept("line ends", empty + b"\r\n" * 4)
    yield kept("a NUL", empty + b"\0")
    yield kept("a chunk", empty + b"4\r\nevil\r\n0\r\n\r\n")
    yield kept("a redirect", empty + to.replace(b"/next", b"http://{other}/page") + b"\r\n")
    # Begun in one send with the redirect: what comes after the next request was sent is its answer.
    yield kept("endless bytes", empty + b"x", repeat(b"x"))
    yield kept("endless responses", empty + EVIL, repeat(EVIL))


# Each with the name of its group.
CASES = [
    (group.__name__, case)
    for group in (wrong_ranges, wrong_bodies, other_versions, wrong_refusals, injected)
    for case in group()
]
