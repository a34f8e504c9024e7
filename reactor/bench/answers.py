"""One request as browsers make it, and whether its answer is the right one, byte for byte.

It knows nothing of `reactor`: what fetches and checks a server's answer around its slots must
not share a fault with what it measures.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
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

# RFC 6455 1.3; the key is its own example.
UPGRADE = {
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}

SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
TRAILER = re.compile(rb"(?:[^\r\n]+\r\n)*\r\n")


class WrongAnswer(ValueError):
    """The server did not answer as it must."""


@dataclass(frozen=True)
class Exchange:
    """A request, and its right answer: the body, and fields of the head in lower case."""

    request: bytes
    body: bytes
    fields: tuple[bytes, ...] = ()

    def check(self, response: bytes) -> bool:
        """True if it is whole and right, False if more must come; raises WrongAnswer."""
        whole = check(response, self.body)
        head = response.partition(b"\r\n\r\n")[0].lower()
        for field in self.fields if whole else ():
            if field not in head:
                raise WrongAnswer(f"the head has no {field!r}: {head!r:.300}")
        return whole


class Opening(Exchange):
    """A request that opens a WebSocket."""

    def check(self, response: bytes) -> bool:
        head, blank, _ = response.partition(b"\r\n\r\n")
        if blank and not head.startswith(b"HTTP/1.1 101"):
            raise WrongAnswer(f"it opens no WebSocket: {head!r:.80}")
        return bool(blank)


@dataclass(frozen=True)
class Echo:
    """A short text message of a WebSocket (RFC 6455 5.2), and the same back."""

    message: bytes

    @property
    def request(self) -> bytes:
        mask = b"\x37\xfa\x21\x3d"
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.message))
        return b"\x81" + bytes([0x80 | len(self.message)]) + mask + masked

    def check(self, response: bytes) -> bool:
        right = b"\x81" + bytes([len(self.message)]) + self.message
        if not right.startswith(response):
            raise WrongAnswer(f"the echo is {response!r:.80}")
        return response == right


@dataclass(frozen=True)
class Right:
    """What a server must answer with: this body; None: what `apps.varied` says, to each its own."""

    body: bytes | None
    websocket: bool = False  # the body is a message that comes back

    def exchanges(self, url: str) -> list[Exchange | Echo]:
        """Those of one connection."""
        if self.websocket:
            return [Opening(request_bytes(url, "Upgrade", UPGRADE), b""), Echo(self.body or b"")]
        return [self.exchange(url)]

    def exchange(self, url: str) -> Exchange:
        """One that ends its connection; if answers vary, of a request that nobody made before."""
        if self.body is not None:
            return Exchange(request_bytes(url, "close"), self.body)
        request_id = str(uuid.uuid4())
        asked = url + uuid.uuid4().hex
        return Exchange(
            request_bytes(asked, "close", {"X-Request-Id": request_id}),
            f"{request_id} {urlsplit(asked).path}".encode(),
            (
                f"\r\nx-request-id: {request_id}".encode(),
                f"\r\nset-cookie: visit={request_id}; path=/; httponly".encode(),
            ),
        )


VARIED = Right(None)


def request_bytes(
    url: str, connection: str = "keep-alive", more: Mapping[str, str] | None = None
) -> bytes:
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, **FIELDS, **(more or {}), "Connection": connection}
    lines = [f"GET {parts.path or '/'} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def check(response: bytes, body: bytes) -> bool:
    """True if it is whole and right, False if more must come."""
    head, blank, got = response.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = _length(head)
    if length is not None and length != len(body):
        raise WrongAnswer(f"the body has {length:,} bytes and not {len(body):,}")
    whole = _whole(got, length)
    if whole is not None and whole != body:
        raise WrongAnswer(
            f"the body is {whole!r:.80} ({len(whole):,} bytes) and not {body!r:.80}: "
            "one that changes cannot be compared"
        )
    return whole is not None


def body_of(response: bytes) -> bytes | None:
    """None if more must come; raises WrongAnswer if it has no end that can be told."""
    head, blank, got = response.partition(b"\r\n\r\n")
    return _whole(got, _length(head)) if blank else None


def _length(head: bytes) -> int | None:
    """What `Content-Length` says; None: it is chunked."""
    if not re.match(rb"HTTP/1\.[01] 200[ \r]", head + b"\r"):
        raise WrongAnswer(f"the status is not 200: {head!r:.80}")
    length = re.search(rb"(?i)\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?:\r\n|$)", head)
    chunked = re.search(rb"(?i)\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?:\r\n|$)", head)
    if (length is None) == (chunked is None):
        raise WrongAnswer(f"neither or both of Content-Length and chunks: {head!r:.300}")
    return None if length is None else int(length[1])


def _whole(got: bytes, length: int | None) -> bytes | None:
    if length is None:
        return _unchunked(got)
    if len(got) > length:
        raise WrongAnswer(f"{len(got) - length:,} bytes more than Content-Length says")
    return got if len(got) == length else None


def _unchunked(got: bytes) -> bytes | None:
    """The body, None if more must come (RFC 9112, section 7.1)."""
    if not got.endswith(b"\r\n\r\n"):
        return None  # so that nothing is decoded again for each receive
    pieces: list[bytes] = []
    at = 0
    while size_line := SIZE_LINE.match(got, at):
        size = int(size_line[1], 16)
        at = size_line.end()
        if not size:
            if TRAILER.fullmatch(got, at) is None:
                break
            return b"".join(pieces)
        pieces.append(got[at : at + size])
        at += size + 2
        if at > len(got):
            return None
        if got[at - 2 : at] != b"\r\n":
            break
    if at == len(got):
        return None
    raise WrongAnswer(f"no chunk: {got[at:]!r:.80}")
