"""What is asked for: one request of a transfer, and which one follows it.

The rules of redirects (RFC 9110 15.4) and of trying again, as functions of a request and its
response. Must never know a connection or a clock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from reactor.client.failures import EXIT_PROTOCOL
from reactor.client.url import Url
from reactor.errors import FetchError, LocalProtocolError
from reactor.http.dates import parse_date
from reactor.limits import Limits
from reactor.parser._message import Response
from reactor.parser._serialise import serialise_chunk, serialise_last_chunk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from reactor.client.cookies import Cookies

Fields = list[tuple[str, str]]
GivenFields = Mapping[str, str] | Iterable[tuple[str, str]]

# One piece of an upload in memory at a time: the high-water mark of the write buffer.
PIECE_BYTES = 64 * 1024
_SECRETS = {"authorization", "cookie", "proxy-authorization"}
_FRAMING = {"content-length", "transfer-encoding"}
_OF_A_BODY = {"content-length", "content-type", "content-encoding", "transfer-encoding"}
# RFC 9110 9.2.2: sent twice, they do what they do once.
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
# What curl's --retry takes for passing.
PASSING = {408, 429, 500, 502, 503, 504}
REDIRECTS = {301, 302, 303, 307, 308}


class Upload:
    """A request's body: bytes, or a binary file from where it stands."""

    def __init__(self, source: bytes | BinaryIO) -> None:
        self._source = source
        self.length: int | None = None
        self._start = 0
        if isinstance(source, bytes):
            self.length = len(source)
        elif source.seekable():
            self._start = source.tell()
            self.length = _length_of(source, self._start)

    @property
    def repeatable(self) -> bool:
        return self.length is not None

    def fields(self) -> Fields:
        if self.length is None:
            return [("Transfer-Encoding", "chunked")]
        return [("Content-Length", str(self.length))]

    def pieces(self) -> Iterator[bytes]:
        """From the start, framed as `fields` says. Raises OSError if the file became shorter."""
        if isinstance(self._source, bytes):
            for start in range(0, len(self._source), PIECE_BYTES):
                yield self._source[start : start + PIECE_BYTES]
            return
        if self.length is None:
            while data := self._source.read(PIECE_BYTES):
                yield serialise_chunk(data)
            yield serialise_last_chunk()
            return
        self._source.seek(self._start)
        left = self.length
        while left:
            data = self._source.read(min(left, PIECE_BYTES))
            if not data:
                raise OSError(5, "the file became shorter while it was sent")
            left -= len(data)
            yield data


def _length_of(source: BinaryIO, start: int) -> int | None:
    """The bytes from ``start`` on; None if nobody knows: a file in /proc or /sys has the size 0, or
    that of a page, and is as long as what is read."""
    length: int | None = None
    with suppress(OSError):  # some in /proc have no end that one can go to
        end = source.seek(0, os.SEEK_END)
        source.seek(max(start, end - 1))
        if bool(source.read(1)) == (end > start):
            length = max(0, end - start)
    source.seek(start)
    return length


class ClientRequest:
    """One request; ``fields`` are the user's."""

    __slots__ = ("cookies", "fields", "method", "upload", "url")

    def __init__(
        self,
        method: str,
        url: Url,
        fields: Fields,
        upload: Upload | None = None,
        cookies: Cookies | None = None,
    ) -> None:
        self.cookies = cookies  # that redirects have set
        self.method = method
        self.url = url
        self.fields = fields
        self.upload = upload

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when it is not known what became of it."""
        return may_be_repeated(self.method, self.upload)

    def lines(self, ours: Fields) -> Fields:
        """All fields of the request: those of ours that the user did not give, and theirs.

        Raises LocalProtocolError for fields that frame the body: a length that were not its own
        would make the rest of it another request.
        """
        given = {name.lower() for name, _ in self.fields}
        if not _FRAMING.isdisjoint(given):
            raise LocalProtocolError("Content-Length and Transfer-Encoding follow from the body")
        fields = [("Host", self.url.authority), *ours]
        if self.url.credentials is not None:
            fields.append(("Authorization", basic(*self.url.credentials)))
        if self.upload is not None:
            fields += self.upload.fields()
        theirs = self.fields
        if self.cookies is not None and (cookies := self.cookies.field(self.url)):
            # RFC 6265 5.4: one field, with the user's own before.
            given_ones = [value for name, value in theirs if name.lower() == "cookie"]
            theirs = [pair for pair in theirs if pair[0].lower() != "cookie"]
            theirs.append(("Cookie", "; ".join([*given_ones, cookies])))
        return [pair for pair in fields if pair[0].lower() not in given] + theirs

    def redirected(self, response: Response, limits: Limits, now: float) -> ClientRequest | None:
        """The request that a redirect asks for; None if the response is none.

        ``now`` is a Unix time. Raises FetchError for one that must not be followed.
        """
        if response.status not in REDIRECTS:
            return None
        location = response.headers.get("location")
        if location is None:
            return None
        url = self.url.join(location)
        if self.url.scheme == "https" and url.scheme == "http":
            raise FetchError(
                f"{self.url.text}: it redirects from https to http, which is not followed",
                EXIT_PROTOCOL,
            )
        method, upload, dropped = self.method, self.upload, set[str]()
        if (response.status == 303 and method != "HEAD") or (
            response.status in {301, 302} and method == "POST"
        ):
            method, upload, dropped = "GET", None, set(_OF_A_BODY)
        if upload is not None and not upload.repeatable:
            raise FetchError(
                f"{self.url.text}: it redirects, and what was sent cannot be sent again",
                EXIT_PROTOCOL,
            )
        if url.origin != self.url.origin:
            dropped |= {*_SECRETS, "host"}
        elif url.credentials is None:
            url = Url(url.text, url.origin, url.target, self.url.credentials)
        fields = [pair for pair in self.fields if pair[0].lower() not in dropped]
        cookies = self.cookies
        if set_there := response.headers.getall("set-cookie"):
            if cookies is None:
                from reactor.client.cookies import Cookies  # few redirects set one

                cookies = Cookies(limits)
            cookies.take(self.url, set_there, now)
        return ClientRequest(method, url, fields, upload, cookies)


def may_be_repeated(method: str, upload: Upload | None) -> bool:
    return method in IDEMPOTENT and (upload is None or upload.repeatable)


def pairs_of(fields: GivenFields) -> Fields:
    """What a user gives as fields. Raises TypeError for what are no pairs."""
    # A list needs no look at the abstract class, which takes longer than all else here.
    given = fields.items() if type(fields) is not list and isinstance(fields, Mapping) else fields
    pairs = list(given)
    for pair in pairs:
        if isinstance(pair, (str, bytes)):  # "ab" would be a pair
            raise TypeError("headers are a mapping, or pairs of name and value")
    return pairs


def basic(name: str, password: str) -> str:
    """The value of an Authorization or Proxy-Authorization field (RFC 7617)."""
    from binascii import b2a_base64

    pair = f"{name}:{password}".encode("utf-8", "surrogateescape")
    return "Basic " + b2a_base64(pair, newline=False).decode("ascii")


def pause_before(
    attempt: int, response: Response | None, limits: Limits, now: float = 0.0
) -> float | None:
    """Seconds until try number ``attempt`` (from 1); None if the server asks for too long.

    Twice as long each time, and between half of that and all of it at random, so that clients
    that failed together do not come back together. ``now`` is a Unix time.
    """
    asked = None if response is None else _retry_after(response, now)
    if asked is not None:
        return asked if asked <= limits.retry_pause_max_s else None
    longest: float = min(limits.retry_pause_s * 2.0 ** (attempt - 1), limits.retry_pause_max_s)
    return longest * (0.5 + os.urandom(1)[0] / 512)


def _retry_after(response: Response, now: float) -> float | None:
    """Seconds that the server asks to be left alone (RFC 9110 10.2.3); None if it does not say."""
    said = response.headers.get("retry-after") or ""
    if said.isascii() and said.isdigit():
        return float(said)
    # By the clock that the server has its date from, if it tells.
    there = parse_date(response.headers.get("date") or "")
    until = parse_date(said, int(now))
    return None if until is None else max(0.0, until - (now if there is None else there))
