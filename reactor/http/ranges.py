"""Byte ranges: which parts of a representation were asked for (RFC 9110 14).

Pure: strings and sizes in, spans and field values out. Must never see the bytes
themselves. Every doubt is answered with the whole representation, which RFC 9110 14.2
always allows: a server may ignore the Range field.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from reactor.http.ascii import lower
from reactor.parser._digits import parse_saturated

# Players and download tools ask for one, PDF viewers for a few. The "Apache killer"
# (CVE-2011-3192) asked for 1,300.
RANGES_MAX = 8


class Span(NamedTuple):
    """``length`` bytes from offset ``start``; never empty."""

    start: int
    length: int


def select_ranges(value: str, size: int) -> list[Span] | None:
    """The satisfiable spans of a Range field, in the order asked for.

    Args:
        value: the field value, such as ``bytes=0-99,-5``.
        size: of the representation in bytes.

    Returns:
        None to ignore the field and send everything: another unit, a malformed set, more than
        ``RANGES_MAX`` ranges, ranges that overlap. An empty list for 416: well formed, but
        no range has a byte in the representation.
    """
    unit, equals, text = value.partition("=")
    # RFC 9110 14.1: range units are case-insensitive.
    if not equals or lower(unit) != "bytes":
        return None
    # Cut the list one further than allowed, never into its 2,000 pieces.
    specs = text.split(",", RANGES_MAX)
    if len(specs) > RANGES_MAX:
        return None
    spans = []
    for spec in specs:
        bounds = _parse_spec(spec.strip(" \t"))
        if bounds is None:
            return None
        span = _satisfy(bounds, size)
        if span is not None:
            spans.append(span)
    return None if _overlapping(spans) else spans


def _parse_spec(spec: str) -> tuple[int | None, int | None] | None:
    first_text, dash, last_text = spec.partition("-")
    # RFC 9110 14.1.2: a position may be beyond the end, by any number of digits.
    first = parse_saturated(first_text)
    last = parse_saturated(last_text)
    if not dash or (first is None and first_text) or (last is None and last_text):
        return None
    if first is None:
        return None if last is None else (None, last)
    # RFC 9110 14.1.2: a last position below the first makes the set invalid.
    return None if last is not None and last < first else (first, last)


def _satisfy(bounds: tuple[int | None, int | None], size: int) -> Span | None:
    first, last = bounds
    if first is None:
        # A suffix: the last so many bytes, all of them if there are fewer.
        length = min(last or 0, size)
        return Span(size - length, length) if length else None
    if first >= size:
        return None
    end = size if last is None else min(last + 1, size)
    return Span(first, end - first)


def _overlapping(spans: list[Span]) -> bool:
    ordered = sorted(spans)
    return any(a.start + a.length > b.start for a, b in pairwise(ordered))


def content_range(span: Span | None, size: int) -> str:
    """The Content-Range value of a span; with None that of a 416."""
    if span is None:
        return f"bytes */{size}"
    return f"bytes {span.start}-{span.start + span.length - 1}/{size}"


class Multipart:
    """The frame of a multipart/byteranges body (RFC 9110 14.6): what stands around the spans.

    Args:
        spans: at least two, in the order to be sent.
        size: of the whole representation.
        kind: its Content-Type.
        boundary: a token that does not occur in the representation (random).
    """

    def __init__(self, spans: list[Span], size: int, kind: str, boundary: str) -> None:
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self._spans = spans
        self._heads = [
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n"
            f"Content-Range: {content_range(span, size)}\r\n\r\n".encode("latin-1")
            for span in spans
        ]
        self._tail = f"\r\n--{boundary}--\r\n".encode()

    @property
    def content_length(self) -> int:
        """Bytes of the whole body, frame and spans."""
        framing = sum(map(len, self._heads)) + len(self._tail)
        return framing + sum(span.length for span in self._spans)

    def __iter__(self) -> Iterator[bytes | Span]:
        """The body in order: bytes as they are to be sent, and spans to be read."""
        for head, span in zip(self._heads, self._spans, strict=True):
            yield head
            yield span
        yield self._tail
