"""Conditional requests: whether the peer's copy decides the answer (RFC 9110 13).

Pure: it is told the validators of the selected representation and the request's fields,
and gives a verdict. Must never see a disk, read a clock or build a response.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from reactor.http.dates import parse_date


class PreconditionResult(Enum):
    """What the preconditions say must be answered."""

    PROCEED = 200
    NOT_MODIFIED = 304
    FAILED = 412


def evaluate(
    method: str,
    fields: Mapping[str, str],
    etag: str | None,
    last_modified_s: int | None,
    now_s: int = 0,
) -> PreconditionResult:
    """Evaluate the request's preconditions in the order of RFC 9110 13.2.2, If-Range excepted.

    Args:
        method: the request's method; 304 is only for GET and HEAD.
        fields: the request's header fields, looked up case-insensitively by the mapping.
            Fields of one name that came several times must have been joined by ", ".
        etag: the entity tag as it would be sent, quotes included; None if there is none.
        last_modified_s: whole seconds of Unix time; None if unknown.
        now_s: Unix time, for the obsolete date form only.
    """
    reading = method in {"GET", "HEAD"}
    if (value := fields.get("If-Match")) is not None:
        # 13.1.1: strong comparison, so a weak tag never matches.
        if not _matches(value, etag, strong=True):
            return PreconditionResult.FAILED
    elif (value := fields.get("If-Unmodified-Since")) is not None:
        since = parse_date(value, now_s)
        # 13.1.4: ignored if it is no date, or the resource has none.
        if since is not None and last_modified_s is not None and last_modified_s > since:
            return PreconditionResult.FAILED
    if (value := fields.get("If-None-Match")) is not None:
        # 13.1.2: weak comparison.
        if _matches(value, etag, strong=False):
            return PreconditionResult.NOT_MODIFIED if reading else PreconditionResult.FAILED
    elif reading and (value := fields.get("If-Modified-Since")) is not None:
        since = parse_date(value, now_s)
        if since is not None and last_modified_s is not None and last_modified_s <= since:
            return PreconditionResult.NOT_MODIFIED
    return PreconditionResult.PROCEED


def range_applies(
    if_range: str | None, etag: str | None, last_modified_s: int | None, now_s: int
) -> bool:
    """Whether a Range may be honoured, given the If-Range field (RFC 9110 13.1.5).

    A date counts only if it equals Last-Modified exactly and that one is a strong validator:
    a file of this very second may change once more within it (8.8.2.2).
    """
    if if_range is None:
        return True
    if if_range.startswith('"'):
        return etag is not None and if_range == etag
    since = parse_date(if_range, now_s)
    return since is not None and since == last_modified_s and since < now_s


def _matches(value: str, etag: str | None, *, strong: bool) -> bool:
    if value.strip(" \t") == "*":
        # "*" matches any current representation, and there is one.
        return True
    if etag is None:
        return False
    tags = entity_tags(value)
    if strong:
        return not etag.startswith("W/") and etag in tags
    opaque = etag.removeprefix("W/")
    return any(tag.removeprefix("W/") == opaque for tag in tags)


def entity_tags(value: str) -> list[str]:
    """The entity tags of a list, in linear time; what follows a malformed one is not read."""
    tags: list[str] = []
    position, end = 0, len(value)
    while True:
        # RFC 9110 5.6.1: empty list elements are skipped.
        while position < end and value[position] in " \t,":
            position += 1
        opening = position + 2 if value.startswith("W/", position) else position
        if opening >= end or value[opening] != '"':
            return tags
        closing = value.find('"', opening + 1)
        if closing < 0:
            return tags
        tags.append(value[position : closing + 1])
        position = closing + 1
        # Between two tags stands a comma; without it this is no list.
        while position < end and value[position] in " \t":
            position += 1
        if position < end and value[position] != ",":
            return tags
