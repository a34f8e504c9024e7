"""Whom a client may be led to trust: redirects, proxies, TLS. Cases for tests/hostile_server.py.

Every request of a redirected case carries a password, a cookie and an authorization of another
kind; none may reach the second origin.
"""

from __future__ import annotations

from hostile_cases import BROKEN, CHUNKED, LENGTH, NO_HEAD, OK, PARTIAL, REFUSED, big, late, said
from hostile_server import Case, cut, repeat, reset, trickle, under_tls, wait

SECRET = ("--user", "abc:s3cr3t", "-H", "Cookie: id=s3cr3t", "-H", "Proxy-Authorization: s3cr3t")
TRUSTED = ("--cacert", "{ca}")
LOOP = (47,)
BAD_TARGET = (1, 3, 8)  # 1: curl's "unsupported protocol"
HANDSHAKE = (35,)
CERTIFICATE = (60,)


def moved(status: int, target: bytes, more: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 %d Moved\r\nLocation: %s\r\n" % (status, target)
        + b"Content-Length: 0\r\nConnection: close\r\n"
        + more
        + b"\r\n"
    )


def led(name, target, codes=(0,), status=302, options=SECRET, **more) -> Case:
    return said(f"redirect: {name}", moved(status, target), codes=codes, options=options, **more)


def redirects():
    for status in (301, 302, 303, 307, 308):
        yield led(f"{status} to itself", b"/page", LOOP, status)
        yield led(f"{status} to another origin", b"http://{other}/page", (0,), status)
    posted = (*SECRET, "-d", "data")
    yield led("307 of a POST to another origin", b"http://{other}/", (0,), 307, posted)
    yield led("302 of a POST to another origin", b"http://{other}/", (0,), 302, posted)
    yield led("to itself with another query", b"?x", LOOP)
    yield led("to a longer path each time", b"a/page", LOOP)
    yield led("without a scheme", b"//{other}/page")
    yield led("upper case scheme", b"HTTP://{other}/page")
    yield led("with another user", b"http://evil:evil@{other}/page")
    yield led("to the other by name", b"http://localhost:{self_port}/page", LOOP)
    yield led("a fragment", b"http://{other}/page#fragment")
    yield led("a space", b"http://{other}/a page")
    yield led("non-ASCII", "http://{other}/\u00e4".encode())
    for name, target in {
        "a file": b"file:///etc/passwd",
        "ftp": b"ftp://{other}/page",
        "gopher": b"gopher://{other}/_evil",
        "data": b"data:text/plain,evil",
        "javascript": b"javascript:evil",
        "a mailbox": b"mailto:evil@example.org",
        "an empty host": b"http://:80/page",
        "port 99999": b"http://127.0.0.1:99999/",
        "port of letters": b"http://127.0.0.1:evil/",
        "a negative port": b"http://127.0.0.1:-1/",
        "a bad IPv6 address": b"http://[::1/",
        "a space in the host": b"http://evil host/",
        "a backslash in the host": b"http://{other}\\@127.0.0.1:1/",
    }.items():
        yield led(name, target, (*BAD_TARGET, 6, 7))
    # RFC 3986 5.2.2 leaves it to us; urljoin reads it as a browser does: as the same host.
    yield led("no host", b"http:///page", LOOP)
    split = b"http://{other}/%0d%0aX-Evil:%20yes%0d%0a"
    yield led("escaped line ends", split)
    plain = b"HTTP/1.1 302 X\r\n"
    yield said("redirect: endless Location", plain + b"Location: ", repeat(b"x"))
    yield said("redirect: without Location", plain + b"\r\n", codes=(8, 22, 47))
    two = plain + b"Location: http://{other}/\r\nLocation: /page\r\nContent-Length: 0\r\n\r\n"
    yield said("redirect: two Locations", two, codes=(0, 8, 47), options=SECRET)
    head = plain + b"Location: http://{other}/page\r\n"
    yield said("redirect: an endless body", head + b"\r\n", repeat(b"x", 10**8), codes=(0, 8))
    yield said(
        "redirect: a body that ends early", head + b"Content-Length: 9\r\n\r\nx", codes=(0, 18)
    )
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\nx\r\n"
    yield said("redirect: a bad chunk", chunked, codes=(0, 8))
    yield late("redirect: a slow body", head + b"Content-Length: 9\r\n\r\n", wait)
    down = {"tls": "good", "options": (*SECRET, *TRUSTED)}
    yield said(
        "redirect: https to http", moved(302, b"http://{other}/page"), codes=(1, 8, 47), **down
    )
    yield said(
        "redirect: http to https elsewhere",
        moved(302, b"https://{other}/page"),
        codes=(0,),
        options=(*SECRET, *TRUSTED),
        other_tls="good",
    )
    yield said(
        "redirect: to https with a wrong certificate",
        moved(302, b"https://{other}/page"),
        codes=CERTIFICATE,
        options=(*SECRET, *TRUSTED),
        other_tls="wrong host",
    )


def secured(name, *steps, codes, tls="good", options=TRUSTED, **more) -> Case:
    return said(f"TLS: {name}", *steps, codes=codes, tls=tls, options=(*SECRET, *options), **more)


def certificates():
    for name in (
        "wrong host",
        "wrong address",
        "common name only",
        "expired",
        "not yet",
        "unknown authority",
        "self-signed",
    ):
        yield secured(name, LENGTH, codes=CERTIFICATE, tls=name)
    yield secured("an authority that is not the system's", LENGTH, codes=CERTIFICATE, options=())
    yield secured("expired, insecure", LENGTH, codes=(0,), tls="expired", options=("--insecure",))
    yield secured("wrong host, insecure", LENGTH, codes=(0,), tls="wrong host", options=("-k",))
    yield secured(
        "asks for a certificate", LENGTH, codes=(18, 35, 52, 56), tls="asks for a certificate"
    )


def records():
    yield secured("length, no close_notify", LENGTH, cut, codes=(0,))
    chunked = CHUNKED + b"4\r\nbody\r\n0\r\n\r\n"
    yield secured("chunks, no close_notify", chunked, cut, codes=(0,))
    yield secured("until close, close_notify", OK + b"\r\nbody", codes=(0,))
    yield secured("until close, no close_notify", OK + b"\r\nbody", cut, codes=BROKEN)
    yield secured("nothing, no close_notify", cut, codes=(*NO_HEAD, 35))
    yield secured("half a body, close_notify", LENGTH[:-2], codes=PARTIAL)
    yield secured("half a body, no close_notify", LENGTH[:-2], cut, codes=BROKEN)
    yield secured("half a head, no close_notify", LENGTH[:20], cut, codes=(*NO_HEAD, 35))
    yield secured("half a chunk, no close_notify", CHUNKED + b"4\r\nbo", cut, codes=BROKEN)
    yield secured("reset in the body", LENGTH[:-2], reset, codes=BROKEN)
    yield secured(
        "plain bytes in the body", LENGTH[:-2], under_tls(b"dy" * 99), codes=(8, 18, 35, 56)
    )
    yield secured("more than the length", LENGTH + b"more", codes=(0, 8))
    yield secured("endless header", OK, repeat(b"A: b\r\n"), codes=(8,))
    slow = {"codes": (28,), "max_time_s": 0.5}
    yield secured("silence", wait, **slow)
    yield secured("a byte a second", big(), trickle(b"x" * 99), **slow)


def no_handshakes():
    def plain(name, *steps, codes=HANDSHAKE, **more):
        options = (*SECRET, *TRUSTED)
        return Case(f"no TLS: {name}", steps, codes, scheme="https", options=options, **more)

    yield plain("an HTTP response", LENGTH)
    yield plain("an HTTP response, and stays", LENGTH, wait)
    yield plain("an HTTP error", b"HTTP/1.1 400 Bad Request\r\n\r\n")
    yield plain("a banner", b"220 mail.example ESMTP\r\n", wait)
    yield plain("NUL bytes", repeat(b"\0", 100_000), wait)
    yield plain("endless letters", repeat(b"x"))
    yield plain("a fatal alert", b"\x15\3\3\0\2\2\x28", wait)
    yield plain("an alert without end", repeat(b"\x15\3\3\0\2\1\0", 100_000), wait)
    yield plain("a record of the wrong version", b"\x16\x09\x09\0\4body", wait)
    yield plain("a record that is too long", b"\x16\3\3\xff\xff" + b"x" * 70_000, wait)
    yield plain("half a record", b"\x16\3\3\0\x50\2", codes=HANDSHAKE)
    yield plain("closes at once")
    # So soon that the connection may not even be seen to stand.
    yield plain("resets at once", reset, codes=(7, *HANDSHAKE))
    yield plain("silence", wait, codes=(28,), max_time_s=0.3)
    yield plain(
        "half a record, then silence", b"\x16\3\3\0\x50\2", wait, codes=(28,), max_time_s=0.3
    )
    yield said(
        "TLS under http", LENGTH, codes=(8, 18, 52, 56), tls="good", scheme="http", options=SECRET
    )


def proxies():
    def through(name, *steps, codes, proxy="http_proxy", **more):
        scheme = "https" if proxy == "https_proxy" else "http"
        env = ((proxy, "http://abc:s3cr3t@{self}"), ("no_proxy", ""), ("NO_PROXY", ""))
        options = (*TRUSTED, "-H", "Cookie: id=s3cr3t")
        return said(
            f"proxy: {name}", *steps, codes=codes, env=env, options=options, scheme=scheme, **more
        )

    def tunnel(name, *steps, codes=REFUSED, **more):
        return through(
            f"tunnel, {name}", *steps, codes=(*codes, 7, 35), proxy="https_proxy", **more
        )

    established = b"HTTP/1.1 200 Established\r\n\r\n"
    yield through("answers itself", LENGTH, codes=(0,))
    yield through(
        "asks for a password", b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n", codes=(22,)
    )
    yield through("ends early", LENGTH[:-1], codes=PARTIAL)
    yield tunnel("asks for a password", b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n")
    yield tunnel("refuses", b"HTTP/1.1 403 X\r\nContent-Length: 4\r\n\r\nbody")
    yield tunnel("redirects", moved(302, b"http://{other}/page"))
    yield tunnel("closes", codes=(*REFUSED, 52))
    yield tunnel("resets", reset, codes=(*REFUSED, 52))
    yield tunnel("answers in plain", established + LENGTH)
    yield tunnel("closes after it is there", established, codes=HANDSHAKE)
    yield tunnel("endless head", b"HTTP/1.1 200 X\r\n", repeat(b"A: b\r\n"))
    yield tunnel("endless interim", repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))
    yield tunnel("no HTTP", b"\0" * 100, wait)
    yield through("silence", wait, codes=(28,), max_time_s=0.3)
    yield through(
        "tunnel, silence", established, wait, codes=(28,), proxy="https_proxy", max_time_s=0.3
    )


# Each with the name of its group.
CASES = [
    (group.__name__, case)
    for group in (redirects, certificates, records, no_handshakes, proxies)
    for case in group()
]
