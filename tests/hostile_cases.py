"""How a response may be malformed: cases for tests/hostile_server.py, as data.

The codes are curl's. 18 means that the response broke off, 8 that it is no valid HTTP; where the
first bytes never came, curl says 52, and where the connection was reset 56.
"""

from __future__ import annotations

import gzip

from hostile_server import Case, Step, ask, repeat, reset, wait

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 4\r\n\r\nbody"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = CHUNKED + b"4\r\nbody\r\n0\r\n\r\n"
CLOSED = OK + b"\r\nbody"
INVALID = (8,)
PARTIAL = (18,)
BROKEN = (18, 56)
NO_HEAD = (18, 52, 56)
LATE = (28,)
READ = (0,)  # careless, not hostile: docs/client.md has the table
REFUSED = (8, 18, 22, 56)  # what it is called is a matter of taste; that it is no success is not


def said(name: str, *steps: Step, codes: tuple[int, ...] = INVALID, **more) -> Case:
    """A case that first reads the request."""
    return Case(name, (ask, *steps), codes, **more)


def late(name: str, *steps: Step, **more) -> Case:
    return said(name, *steps, codes=LATE, max_time_s=0.3, **more)


def early_ends():
    for kind, message in (("length", LENGTH), ("chunks", CHUNKS)):
        body = message.index(b"\r\n\r\n") + 4
        for end in range(len(message)):
            codes = PARTIAL if end >= body else NO_HEAD
            yield said(f"{kind}: ends after {end} bytes", message[:end], codes=codes)
        for end in range(0, len(message), 4):
            codes = BROKEN if end >= body else NO_HEAD
            yield said(f"{kind}: reset after {end} bytes", message[:end], reset, codes=codes)
    for end in range(3, CLOSED.index(b"body"), 4):
        yield said(f"close: ends after {end} bytes", CLOSED[:end], codes=NO_HEAD)
    yield said("close: reset in the body", CLOSED, reset, codes=BROKEN)
    yield said("length: resets in the body of 1 MB", big(), b"x" * 500_000, reset, codes=BROKEN)
    yield said("interim, then nothing", b"HTTP/1.1 100 Continue\r\n\r\n", codes=NO_HEAD)


def big(length: int = 1_000_000) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % length


def start_lines():
    for name, line in {
        "no status": b"HTTP/1.1",
        "no status, a space": b"HTTP/1.1 ",
        "two digits": b"HTTP/1.1 20 OK",
        "four digits": b"HTTP/1.1 2000 OK",
        "letters for digits": b"HTTP/1.1 2OO OK",
        "a signed status": b"HTTP/1.1 +20 OK",
        "a negative status": b"HTTP/1.1 -20 OK",
        "digits of another script": "HTTP/1.1 \u0662\u0660\u0660 OK".encode(),
        "status 099": b"HTTP/1.1 099 OK",
        "status 000": b"HTTP/1.1 000 OK",
        "lower case": b"http/1.1 200 OK",
        "HTTP/2": b"HTTP/2 200 OK",
        "HTTP/2.0": b"HTTP/2.0 200 OK",
        "HTTP/3.0": b"HTTP/3.0 200 OK",
        "HTTP/0.9 by name": b"HTTP/0.9 200 OK",
        "HTTP/11.1": b"HTTP/11.1 200 OK",
        "HTTP/1.10": b"HTTP/1.10 200 OK",
        "HTTP/1,1": b"HTTP/1,1 200 OK",
        "Icecast": b"ICY 200 OK",
        "a tab for a space": b"HTTP/1.1\t200 OK",
        "two spaces": b"HTTP/1.1  200 OK",
        "space before it": b" HTTP/1.1 200 OK",
        "NUL in the reason": b"HTTP/1.1 200 O\0K",
        "CR in the reason": b"HTTP/1.1 200 O\rK",
        "escape in the reason": b"HTTP/1.1 200 \x1b[31mOK",
        "a request": b"GET / HTTP/1.1",
        "a long reason": b"HTTP/1.1 200 " + b"x" * 60_000,
    }.items():
        careless = name in {"a tab for a space", "two spaces", "escape in the reason"}
        data = line + b"\r\nContent-Length: 4\r\n\r\nbody"
        yield said(f"start: {name}", data, codes=READ if careless else INVALID)


def no_http():
    frame = b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\0\xa0\0\0\0\2\0\0\0\0"
    for name, data in {
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/2 settings": frame,
        "HTTP/0.9": b"<html>body</html>",
        "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        "SMTP": b"220 mail.example ESMTP\r\n",
        "a TLS alert": b"\x15\3\1\0\2\2\x28",
        "a gzip file": gzip.compress(b"body" * 100),
        "UTF-16": "HTTP/1.1 200 OK\r\n\r\n".encode("utf-16"),
        "a byte order mark": "\ufeff".encode() + LENGTH,
        "binary": bytes(range(256)) * 100,
        "lines without end": b"\r\n" * 50_000,
        "bare CR": LENGTH.replace(b"\r\n", b"\r"),
    }.items():
        yield said(f"no HTTP: {name}", data, wait, codes=REFUSED, max_time_s=1.0)
    for name, step in {
        "NUL": repeat(b"\0"),
        "letters": repeat(b"x"),
        "empty lines": repeat(b"\r\n"),
        "start line": repeat(b"HTTP/1.1 200 "),
    }.items():
        yield said(f"endless: {name}", step)


def heads():
    bad = {
        "NUL in a value": b"A: a\0b",
        "NUL in a name": b"A\0: b",
        "CR in a value": b"A: a\rb",
        "LF in a value": b"A: a\nb",
        "escape in a value": b"A: \x1b]0;owned\7",
        "DEL in a value": b"A: \x7f",
        "no colon": b"nonsense",
        "no name": b": value",
        "space in a name": b"A B: c",
        "space before the colon": b"Content-Length : 4",
        "a folded line": b"A: b\r\n c",
        "a folded first line": b" A: b",
        "non-ASCII in a name": b"\xc3\xa4: b",
        "a control in a name": b"A\1: b",
        "a long line": b"A: " + b"a" * 100_000,
        "a long name": b"A" * 100_000 + b": a",
        "251 fields": b"A: b\r\n" * 250 + b"A: b",
        "wide fields": (b"A: " + b"a" * 4000 + b"\r\n") * 20 + b"A: b",
    }
    for name, field in bad.items():
        careless = name in {"escape in a value", "DEL in a value", "a folded line"}
        careless = careless or name == "space before the colon"
        data = OK + field + b"\r\nContent-Length: 4\r\n\r\nbody"
        yield said(f"head: {name}", data, codes=READ if careless else INVALID)
    yield said("head: bare LF", LENGTH.replace(b"\r\n", b"\n"), codes=READ)
    yield said("endless: header line", OK + b"X: ", repeat(b"x"))
    yield said("endless: header name", OK, repeat(b"x"))
    yield said("endless: fields", OK, repeat(b"A: b\r\n"))
    yield said(
        "endless: fields of all sizes", OK, repeat(b"A: b\r\nLonger: " + b"c" * 999 + b"\r\n")
    )
    yield said("endless: folded lines", OK + b"A: b\r\n", repeat(b" c\r\n"))


def lengths():
    for name, fields in {
        "two lengths": (b"4", b"5"),
        "a list of two": (b"4, 5",),
        "signed": (b"+4",),
        "negative": (b"-4",),
        "hexadecimal": (b"0x4",),
        "a space in it": (b"4 4",),
        "a letter after it": (b"4a",),
        "a fraction": (b"4.0",),
        "an underscore": (b"1_0",),
        "empty": (b"",),
        "another script": ("\u0664".encode(),),
        "full width": ("\uff14".encode(),),
        "2^64": (b"18446744073709551616",),
        "2^64 + 4": (b"18446744073709551620",),
        "1000 digits": (b"9" * 1000,),
        "NUL after it": (b"4\0",),
    }.items():
        text = b"".join(b"Content-Length: " + value + b"\r\n" for value in fields)
        yield said(f"length: {name}", OK + text + b"\r\nbody")
    yield said("length: 2^40, then the end", big(2**40) + b"body", codes=PARTIAL)
    yield said("length: 2^40, then a reset", big(2**40) + b"body", reset, codes=BROKEN)
    yield said("length: 2^62, then the end", big(2**62) + b"body", codes=(8, 18, 23))
    yield late("length: 2^40, then silence", big(2**40) + b"body", wait)
    yield said("length: more bytes than it says", LENGTH + b"and more", codes=(0, 8))
    yield said("length: endless bytes after it", LENGTH, repeat(b"x"), codes=(0, 8))
    yield said(
        "length: another response after it", LENGTH + LENGTH.replace(b"body", b"evil"), codes=(0, 8)
    )
    yield said("length: interim after it", LENGTH + b"HTTP/1.1 100 Continue\r\n\r\n", codes=(0, 8))


def both_framings():
    length, chunked = b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n"
    for name, fields in {
        "length first": length + chunked,
        "chunks first": chunked + length,
        "length 0": b"Content-Length: 0\r\n" + chunked,
        "a length of nonsense": b"Content-Length: x\r\n" + chunked,
    }.items():
        codes = INVALID if name == "a length of nonsense" else READ
        data = OK + fields + b"\r\n4\r\nbody\r\n0\r\n\r\n"
        yield said(f"both framings: {name}", data, codes=codes)
    for name, value in {
        "gzip": b"gzip",
        "identity": b"identity",
        "chunked twice": b"chunked, chunked",
        "gzip after chunked": b"chunked, gzip",
        "unknown": b"xchunked",
        "a control before it": b"\x0bchunked",
        "quoted": b'"chunked"',
        "with a parameter": b"chunked;q=1",
        "empty": b"",
    }.items():
        text = OK + b"Transfer-Encoding: " + value + b"\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
        if name in {"identity", "empty"}:  # the connection's end is then the body's
            yield said(f"transfer coding: {name}", text, codes=READ, body=CHUNKS[len(CHUNKED) :])
        else:
            yield said(f"transfer coding: {name}", text)
    old = CHUNKS.replace(b"HTTP/1.1", b"HTTP/1.0")
    yield said("transfer coding: in HTTP/1.0", old, codes=READ)


def chunks():
    end = b"\r\n0\r\n\r\n"
    for name, rest in {
        "a space after the size": b"4 \r\nbody" + end,
        "a space before the size": b" 4\r\nbody" + end,
        "signed": b"+4\r\nbody" + end,
        "negative": b"-4\r\nbody" + end,
        "0x": b"0x4\r\nbody" + end,
        "no size": b"\r\nbody" + end,
        "no digit": b"g\r\nbody" + end,
        "an underscore": b"0_4\r\nbody" + end,
        "2^64 + 4": b"10000000000000004\r\nbody" + end,
        "17 digits": b"f" * 17 + b"\r\nbody" + end,
        "bare LF after the size": b"4\nbody" + end,
        "bare CR after the size": b"4\rbody" + end,
        "no end of the data": b"4\r\nbody0\r\n\r\n",
        "a byte too many": b"4\r\nbodyX\r\n0\r\n\r\n",
        "LF after the data": b"4\r\nbody\n0\r\n\r\n",
        "NUL in an extension": b"4;a=\0\r\nbody" + end,
        "CR in an extension": b"4;a=\rb\r\nbody" + end,
        "a long extension": b"4;a=" + b"b" * 100_000 + b"\r\nbody" + end,
        "a bad trailer": b"4\r\nbody\r\n0\r\nnonsense\r\n\r\n",
        "NUL in a trailer": b"4\r\nbody\r\n0\r\nA: \0\r\n\r\n",
        "100 trailers": b"4\r\nbody\r\n0\r\n" + b"A: b\r\n" * 100 + b"\r\n",
    }.items():
        careless = name in {"a space after the size", "bare LF after the size", "LF after the data"}
        yield said(f"chunk: {name}", CHUNKED + rest, codes=READ if careless else INVALID)
    yield said("endless: chunk size", CHUNKED, repeat(b"0"))
    yield said("endless: chunk extension", CHUNKED + b"4;", repeat(b"x"))
    yield said("endless: chunk extensions", CHUNKED, repeat(b"1;" + b"a" * 99 + b"\r\nb\r\n"))
    yield said("endless: trailer line", CHUNKED + b"0\r\nA: ", repeat(b"x"))
    yield said("endless: trailers", CHUNKED + b"0\r\n", repeat(b"A: b\r\n"))
    yield said(
        "chunk: 2^60 bytes, then the end",
        CHUNKED + b"1000000000000000\r\nbody",
        codes=BROKEN + INVALID,
    )
    yield said("chunk: the last one is missing", CHUNKED + b"4\r\nbody\r\n", codes=PARTIAL)
    yield said("chunk: a response after the last", CHUNKS + LENGTH, codes=(0, 8))


# Each with the name of its group.
CASES = [
    (group.__name__, case)
    for group in (early_ends, start_lines, no_http, heads, lengths, both_framings, chunks)
    for case in group()
]
