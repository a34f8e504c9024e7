"""One request as browsers make it, and whether its answer is the right one, byte for byte.

It knows nothing of `reactor`: what fetches and checks a server's answer around its slots must
not share a fault with what it measures.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# What a browser sends: about 385 bytes with the request line and the Host field.
FIELDS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Cookie": "session=8f14e45fceea167a",
}


class WrongAnswer(ValueError):
    """The server did not answer as it must."""


def request_bytes(url: str, connection: str = "keep-alive") -> bytes:
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, **FIELDS, "Connection": connection}
    lines = [f"GET {parts.path or '/'} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def check(response: bytes, body: bytes) -> bool:
    """True if it is whole and right, False if more must come."""
    head, blank, got = response.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = re.search(rb"(?i)\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?:\r\n|$)", head)
    if not re.match(rb"HTTP/1\.[01] 200[ \r]", head + b"\r"):
        raise WrongAnswer(f"the status is not 200: {head!r:.80}")
    if length is None or int(length[1]) != len(body):
        raise WrongAnswer(f"no Content-Length of {len(body)}: {head!r:.300}")
    if len(got) < len(body):
        return False
    if got != body:
        raise WrongAnswer(f"the body is {got!r:.80} ({len(got)} bytes)")
    return True
