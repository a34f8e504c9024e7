"""What is known about a body that did not come whole, and how the rest is asked for.

Knows Range, If-Range, Content-Range and validators (RFC 9110 8.8, 13.1.5, 14). Must never
touch a disk or a socket: `Version` says what the bytes are of, `range_fields` asks for the
rest, and `judge` says what the answer means. Whatever cannot be verified to belong to
the very same representation is thrown away and fetched anew.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from reactor._value import Value
from reactor.http.ascii import lower
from reactor.http.dates import parse_date
from reactor.parser._digits import parse_digits
from reactor.parser._message import Response

# 2**63 - 1, the largest file, has 19 digits.
_DIGITS_MAX = 19


class Version(Value):
    """Which representation of which URL some bytes belong to."""

    url: str
    etag: str | None  # a strong one
    modified: str | None  # a Last-Modified that is strong enough to compare by
    length: int | None  # of the whole, if it was said

    def __init__(
        self, url: str, etag: str | None, modified: str | None, length: int | None
    ) -> None:
        self.__dict__.update(url=url, etag=etag, modified=modified, length=length)

    @property
    def resumable(self) -> bool:
        return self.etag is not None or self.modified is not None

    @classmethod
    def of(cls, url: str, head: Response) -> Version:
        """What a head says. Only a 200's body is the whole that validators are of."""
        if head.status != 200:
            return cls(url, None, None, head.content_length)
        etag = head.headers.get("etag")
        strong = etag is not None and len(etag) >= 2 and etag[0] == etag[-1] == '"'
        if head.headers.get("content-encoding") is not None:
            # What is saved may be decoded: neither length nor offset are those on the wire.
            return cls(url, None, None, None)
        return cls(url, etag if strong else None, _strong_date(head), head.content_length)


def _strong_date(head: Response) -> str | None:
    # RFC 9110 8.8.2.2: strong if it is at least a second older than the response; a file that
    # changed twice within one second has one date.
    modified = head.headers.get("last-modified")
    date = head.headers.get("date")
    if modified is None or date is None:
        return None
    return modified if _is_older(modified, date) else None


@lru_cache(maxsize=256)  # of many small files most have a few dates
def _is_older(modified: str, date: str) -> bool:
    changed, answered = parse_date(modified), parse_date(date)
    return changed is not None and answered is not None and changed <= answered - 1


class ResumeAction(Enum):
    """What to do with the answer to a request for the rest."""

    CONTINUE = "its body follows the bytes that are there"
    WHOLE = "its body is the whole: begin anew with it"
    COMPLETE = "all bytes are there already"
    BY_DATE = "ask again with the date as validator"
    ANEW = "ask again for the whole"


def range_fields(version: Version, size: int, by_date: bool = False) -> list[tuple[str, str]]:
    """The fields that ask for everything from ``size``, if the file is still this version."""
    validator = version.modified if by_date or version.etag is None else version.etag
    return [("Range", f"bytes={size}-"), ("If-Range", validator or "")]


def judge(
    version: Version, size: int, head: Response, by_date: bool = False
) -> ResumeAction | None:
    """What the answer to `range_fields` means; None for a status that is no answer to a range.

    200 although the file is still the same: some servers compare If-Range with dates only, so
    that one is tried before all that is there is fetched again.
    """
    match head.status:
        case 206:
            return ResumeAction.CONTINUE if _follows(version, size, head) else ResumeAction.ANEW
        case 200:
            asked_by_etag = version.etag is not None and not by_date
            same = _same(version, head) and head.headers.get("etag") == version.etag
            if asked_by_etag and same and version.modified is not None and size:
                return ResumeAction.BY_DATE
            return ResumeAction.WHOLE
        case 416:
            whole = _content_range(head) == (None, None, size) and version.length in (None, size)
            return ResumeAction.COMPLETE if whole and _same(version, head) else ResumeAction.ANEW
        case _:
            return None


class Rest:
    """The rest of one body, as it is asked for. A distrusted answer is asked for again, once."""

    __slots__ = ("_anew", "_by_date", "asked")

    def __init__(self) -> None:
        self.asked: Version | None = None  # whose rest the last request asked for
        self._by_date = self._anew = False

    def forget(self) -> None:
        """What was distrusted may be believed again: the next request is another try."""
        self._by_date = self._anew = False

    def fields(self, version: Version | None, size: int) -> list[tuple[str, str]]:
        """What asks for everything from ``size``; nothing, if the whole has to be fetched."""
        self.asked = None
        if not size or self._anew or version is None or not version.resumable:
            return []
        self.asked = version
        return range_fields(version, size, self._by_date)

    def judge(self, size: int, head: Response) -> ResumeAction | None:
        """As `judge`; BY_DATE and ANEW are what the next `fields` ask for."""
        action = None if self.asked is None else judge(self.asked, size, head, self._by_date)
        if action in (ResumeAction.BY_DATE, ResumeAction.ANEW):
            self.distrust(by_date=action is ResumeAction.BY_DATE)
        return action

    def distrust(self, by_date: bool = False) -> None:
        self._by_date, self._anew = by_date, not by_date


def _follows(version: Version, size: int, head: Response) -> bool:
    """Whether a 206 brings exactly the bytes from ``size`` to the end of this version."""
    content_range = _content_range(head)
    if content_range is None or head.headers.get("content-encoding") is not None:
        return False
    first, last, total = content_range
    if first != size or last is None or last < size or total != last + 1:
        return False
    if head.content_length is not None and head.content_length != last - size + 1:
        return False
    return version.length in (None, total) and _same(version, head)


def _same(version: Version, head: Response) -> bool:
    """Whether the validators of a head, as far as it has them, are this version's."""
    etag = head.headers.get("etag")
    modified = head.headers.get("last-modified")
    if version.etag is not None and etag is not None:
        return etag == version.etag
    return version.modified is None or modified is None or modified == version.modified


def total_of(head: Response) -> int | None:
    """How long the whole is of which a 206 brings a part."""
    content_range = _content_range(head)
    return None if content_range is None else content_range[2]


def _content_range(head: Response) -> tuple[int | None, int | None, int | None] | None:
    values = head.headers.getall("content-range")
    # RFC 9110 15.3.7.2: where there are several parts, each has its own, and the head none.
    parts = lower(head.headers.get("content-type") or "").startswith("multipart/byteranges")
    return _parse_content_range(values[0]) if len(values) == 1 and not parts else None


def _parse_content_range(text: str) -> tuple[int | None, int | None, int | None] | None:
    """(first, last, total) of a Content-Range (RFC 9110 14.4); first and last None for ``*``.

    >>> _parse_content_range("bytes 5-9/10"), _parse_content_range("bytes */10")
    ((5, 9, 10), (None, None, 10))
    """
    unit, space, rest = text.partition(" ")
    span, slash, total_text = rest.partition("/")
    if lower(unit) != "bytes" or not space or not slash:
        return None
    total = parse_digits(total_text, _DIGITS_MAX)
    if span == "*":
        return (None, None, total)
    first_text, _, last_text = span.partition("-")
    first, last = parse_digits(first_text, _DIGITS_MAX), parse_digits(last_text, _DIGITS_MAX)
    return None if first is None or last is None else (first, last, total)
