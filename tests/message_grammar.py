"""Random HTTP/1.1: valid messages built from the grammar, and mutants of them.

Everything is drawn from one ``random.Random``. Hypothesis passes its own, which it can shrink; the
long runs pass a seeded one, which is fast. It knows what HTTP looks like, not what is right: a
"valid" message here may still break a rule, and the oracles decide.
"""

from __future__ import annotations

from random import Random

# The bytes that parsers differ over.
SPICES = (b"\r", b"\n", b"\0", b"\t", b" ", b":", b";", b",", b"\x85", b"\xa0")
ODD = 24  # one choice in so many is one that breaks a rule
METHODS = (b"GET", b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"X!#")
TARGETS = (
    b"/",
    b"/",
    b"/a/b?c=d",
    b"/%20%zz",
    b"http://h.example/p?q",
    b"http://[::1]:80",
    b'/"<>|',
    b"https://a",
)
ODD_TARGETS = (b"*", b"a.example:443", b"a", b"/#a", b"http://u@a/")
VERSIONS = (b"HTTP/1.1",) * 8 + (b"HTTP/1.0", b"HTTP/1.2")
ODD_VERSIONS = (b"HTTP/2.0", b"HTTP/1.10", b"http/1.1")
HOSTS = (b"a", b"a", b"example.com:80", b"[::1]", b"1.2.3.4:", b"a_b~%41")
NAMES = (
    b"X",
    b"Accept",
    b"x-y_z",
    b"Cookie",
    b"Content_Length",
    b"Connection",
    b"Upgrade",
    b"Expect",
    b"Content-Type",
    b"Date",
    b"~!#$%&'*+-.^_`|",
)
VALUES = (
    b"",
    b"y",
    b"a, b",
    b"a\tb  c",
    b"caf\xe9",
    b"keep-alive",
    b"Upgrade",
    b"100-continue",
    b"websocket",
    b"\xa0z",
    b'"q;\\""',
    b"y",
    b"gzip, br",
    b"*/*;q=0.8",
    b"Upgrade, close",
)
LENGTHS = (b"%d", b"%d", b"%d", b"0%d", b"%03d")
ODD_LENGTHS = (b"%033d", b"+%d", b"%d,5")
ODD_CODINGS = (b"gzip, chunked", b"identity", b"chunked,", b"")
SIZES = (b"%x", b"%x", b"%x", b"%X", b"0%x", b"%016x")
ODD_SIZES = (b"%017x", b"0x%x", b" %x", b"%xg")
EXTENSIONS = (b"",) * 6 + (b";a", b";a=b", b';a="x;\\"y"', b";a;b=c")
ODD_EXTENSIONS = (b"; a", b" ;a=b", b";", b";a=")
STATUSES = (b"200",) * 5 + (b"100", b"103", b"204", b"304", b"404", b"500", b"999")
ODD_STATUSES = (b"101", b"099", b"20", b"2000")
REASONS = (b"OK", b"", b"Not Found", b"a\tb", b"\xe9")


def pick(rng: Random, usual: tuple[bytes, ...], odd: tuple[bytes, ...]) -> bytes:
    return rng.choice(usual if rng.randrange(ODD) else odd)


def fields(rng: Random, count_max: int = 3) -> list[bytes]:
    """Field lines without their CRLF."""
    ows = (b"", b" ", b" ", b" ", b"\t", b" \t ")
    return [
        rng.choice(NAMES) + b":" + rng.choice(ows) + rng.choice(VALUES) + rng.choice(ows[:3])
        for _ in range(rng.randrange(count_max + 1))
    ]


def content(rng: Random) -> bytes:
    return rng.choice(
        (
            b"",
            b"x",
            b"hello",
            b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"0\r\n\r\n",
            b"z" * 40,
        )
    )


def chunked(rng: Random) -> bytes:
    out = []
    for _ in range(rng.randrange(4)):
        data = content(rng) or b"d"
        size = pick(rng, SIZES, ODD_SIZES) % len(data)
        out.append(size + pick(rng, EXTENSIONS, ODD_EXTENSIONS) + b"\r\n" + data + b"\r\n")
    out.append(rng.choice((b"0", b"0", b"0", b"00", b"0;z")) + b"\r\n")
    out += [line + b"\r\n" for line in (fields(rng, 2) if rng.randrange(3) == 0 else ())]
    return b"".join(out) + b"\r\n"


def framed(rng: Random, lines: list[bytes]) -> bytes:
    """Add framing fields to ``lines`` at a random place, and give the body that goes with them."""
    kind = rng.choice("nnllcc")
    if kind == "n":
        return b""
    if kind == "l":
        body = content(rng)
        line = b"Content-Length: " + pick(rng, LENGTHS, ODD_LENGTHS) % len(body)
    else:
        body = chunked(rng)
        name = rng.choice((b"Transfer-Encoding: ", b"transfer-encoding:"))
        line = name + pick(rng, (b"chunked", b"Chunked"), ODD_CODINGS)
    lines.insert(rng.randrange(len(lines) + 1), line)
    if rng.randrange(ODD) == 0:
        lines.append(rng.choice((line, b"Content-Length: 5", b"Transfer-Encoding: chunked")))
    return body


def request(rng: Random) -> bytes:
    lines = fields(rng)
    body = framed(rng, lines)
    if rng.randrange(ODD):
        lines.insert(rng.randrange(len(lines) + 1), b"Host: " + rng.choice(HOSTS))
    form = (
        rng.choice((b"CONNECT a:1", b"OPTIONS *"))
        if rng.randrange(16) == 0
        else b" ".join((rng.choice(METHODS), pick(rng, TARGETS, ODD_TARGETS)))
    )
    first = form + b" " + pick(rng, VERSIONS, ODD_VERSIONS)
    empty = rng.choice((b"",) * 24 + (b"\r\n", b"\r\n" * 9))
    return empty + b"".join(line + b"\r\n" for line in (first, *lines)) + b"\r\n" + body


def response(rng: Random) -> bytes:
    lines = fields(rng)
    body = framed(rng, lines)
    first = b" ".join(
        (pick(rng, VERSIONS, ODD_VERSIONS), pick(rng, STATUSES, ODD_STATUSES), rng.choice(REASONS))
    )
    empty = rng.choice((b"",) * 24 + (b"\r\n",))
    return empty + b"".join(line + b"\r\n" for line in (first, *lines)) + b"\r\n" + body


def lenient(rng: Random) -> bytes:
    """A response of a careless server: what a lenient client reads, and some that it does not."""
    data = response(rng)
    if rng.randrange(4) == 0:
        data = data.replace(b" \r\n", b"\r\n", 1)
    head, blank_line, body = data.partition(b"\r\n\r\n")
    if rng.randrange(4) == 0:  # of a chunked body the size lines and the trailers may be so
        body = body.replace(b"\r\n", b"\n")
    if rng.randrange(4) == 0:
        body = body.replace(b"\r\n", rng.choice((b" \r\n", b"\t \r\n", b"; a = b\r\n", b" ;\r\n")))
    lines = (head + blank_line).split(b"\r\n")[:-1]
    if rng.randrange(3) == 0:
        at = rng.randrange(len(lines))
        lines[at] = careless(rng, lines[at])
    if rng.randrange(6) == 0:
        lines.insert(-1, rng.choice((*lines[1:-1], *CARELESS_FIELDS)))
    return b"".join(line + rng.choice((b"\r\n", b"\n")) for line in lines) + body


CARELESS_FIELDS = (
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding:",
    b"Content-Length: 5, 5",
    b"Content-Length: 5,6",
)


def careless(rng: Random, line: bytes) -> bytes:
    """A line with white space, a fold or a control where none may be."""
    kind = rng.choice("cwfft")
    if kind == "c":
        return line.replace(b":", rng.choice((b" :", b"\t :", b" \t:")), 1)
    if kind == "w":
        return line.replace(b" ", rng.choice((b"  ", b"\t", b"\t ")), 1)
    at = rng.randrange(len(line) + 1)
    fold = rng.choice((b"\r\n ", b"\r\n\t", b"\n ", b"\r\n \r\n "))
    return line[:at] + (fold if kind == "f" else rng.choice((b"\1", b"\x7f", b"\x0b"))) + line[at:]


def mutate(rng: Random, data: bytes) -> bytes:
    """Insert, delete or replace one byte, or repeat a piece."""
    at = rng.randrange(len(data) + 1)
    what = rng.choice("iiidddrrrc")
    if what == "i":
        return data[:at] + rng.choice(SPICES) + data[at:]
    if what == "d":
        return data[:at] + data[at + 1 :]
    if what == "r":
        return data[:at] + rng.choice(SPICES) + data[at + 1 :]
    return data[:at] + data[max(0, at - rng.randrange(40)) :]


BUILDERS = {"request": request, "response": response, "lenient": lenient}


def connection(rng: Random, kind: str = "request") -> bytes:
    """What one peer sends: one to three messages, most of them mutated."""
    build = BUILDERS[kind]
    data = b"".join(build(rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
        data = mutate(rng, data)
    if rng.randrange(10) == 0:
        data = data[: rng.randrange(len(data) + 1)]
    return data


def pieces(rng: Random, data: bytes) -> list[bytes]:
    """The data, cut at up to four places."""
    at = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(5)))
    return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]
