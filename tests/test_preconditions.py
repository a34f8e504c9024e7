"""RFC 9110 13: each precondition alone, and their order."""

from __future__ import annotations

import pytest

from reactor.http.dates import format_date
from reactor.http.preconditions import PreconditionResult, entity_tags, evaluate, range_applies

PROCEED, NOT_MODIFIED, FAILED = (
    PreconditionResult.PROCEED,
    PreconditionResult.NOT_MODIFIED,
    PreconditionResult.FAILED,
)

ETAG = '"abc"'
MODIFIED = 1_700_000_000
BEFORE, SAME, AFTER = (format_date(MODIFIED + delta) for delta in (-1, 0, 1))


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({}, PROCEED),
        # 13.1.1 If-Match: strong comparison
        ({"If-Match": "*"}, PROCEED),
        ({"If-Match": '"abc"'}, PROCEED),
        ({"If-Match": '"x", "abc"'}, PROCEED),
        ({"If-Match": '"x","y"'}, FAILED),
        ({"If-Match": 'W/"abc"'}, FAILED),
        ({"If-Match": "abc"}, FAILED),
        ({"If-Match": ""}, FAILED),
        # 13.1.2 If-None-Match: weak comparison
        ({"If-None-Match": "*"}, NOT_MODIFIED),
        ({"If-None-Match": '"abc"'}, NOT_MODIFIED),
        ({"If-None-Match": 'W/"abc"'}, NOT_MODIFIED),
        ({"If-None-Match": '"x", W/"y" , "abc"'}, NOT_MODIFIED),
        ({"If-None-Match": '"ABC"'}, PROCEED),
        ({"If-None-Match": "abc"}, PROCEED),
        ({"If-None-Match": 'w/"abc"'}, PROCEED),
        # 13.1.3 If-Modified-Since
        ({"If-Modified-Since": BEFORE}, PROCEED),
        ({"If-Modified-Since": SAME}, NOT_MODIFIED),
        ({"If-Modified-Since": AFTER}, NOT_MODIFIED),
        ({"If-Modified-Since": "yesterday"}, PROCEED),
        # 13.1.4 If-Unmodified-Since
        ({"If-Unmodified-Since": BEFORE}, FAILED),
        ({"If-Unmodified-Since": SAME}, PROCEED),
        ({"If-Unmodified-Since": AFTER}, PROCEED),
        ({"If-Unmodified-Since": "yesterday"}, PROCEED),
        # 13.2.2: If-Match hides If-Unmodified-Since, If-None-Match hides If-Modified-Since
        ({"If-Match": '"abc"', "If-Unmodified-Since": BEFORE}, PROCEED),
        ({"If-Match": '"x"', "If-Unmodified-Since": AFTER}, FAILED),
        ({"If-None-Match": '"x"', "If-Modified-Since": AFTER}, PROCEED),
        ({"If-None-Match": '"abc"', "If-Modified-Since": BEFORE}, NOT_MODIFIED),
        # 13.2.2: the lost-update checks come first, then the cache's
        ({"If-Match": '"x"', "If-None-Match": '"abc"'}, FAILED),
        ({"If-Match": '"abc"', "If-None-Match": '"abc"'}, NOT_MODIFIED),
        ({"If-Unmodified-Since": BEFORE, "If-None-Match": '"abc"'}, FAILED),
        ({"If-Unmodified-Since": AFTER, "If-Modified-Since": AFTER}, NOT_MODIFIED),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading(method, fields, result):
    assert evaluate(method, fields, ETAG, MODIFIED) is result


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"If-None-Match": "*"}, FAILED),
        ({"If-None-Match": '"abc"'}, FAILED),
        ({"If-None-Match": '"x"'}, PROCEED),
        ({"If-Modified-Since": AFTER}, PROCEED),
        ({"If-Match": '"abc"'}, PROCEED),
        ({"If-Match": '"x"'}, FAILED),
    ],
)
def test_writing_never_gives_304(fields, result):
    assert evaluate("PUT", fields, ETAG, MODIFIED) is result


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"If-Match": "*"}, PROCEED),
        ({"If-Match": '"abc"'}, FAILED),
        ({"If-None-Match": '"abc"'}, PROCEED),
        ({"If-Modified-Since": AFTER}, PROCEED),
        ({"If-Unmodified-Since": BEFORE}, PROCEED),
    ],
)
def test_without_validators(fields, result):
    assert evaluate("GET", fields, None, None) is result


def test_a_weak_tag_of_ours():
    assert evaluate("GET", {"If-None-Match": '"abc"'}, 'W/"abc"', None) is NOT_MODIFIED
    assert evaluate("GET", {"If-Match": 'W/"abc"'}, 'W/"abc"', None) is FAILED


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ("", []),
        ('"a"', ['"a"']),
        ('""', ['""']),
        ('"a", W/"b"', ['"a"', 'W/"b"']),
        (',, "a",,', ['"a"']),
        ('"a b,c"', ['"a b,c"']),
        ('"a" "b"', ['"a"']),
        ('"a', []),
        ('"a", b, "c"', ['"a"']),
        ("W/", []),
        ("W/x", []),
    ],
)
def test_entity_tags(value, tags):
    assert entity_tags(value) == tags


def test_a_list_as_long_as_a_field_may_be():
    assert len(entity_tags('"a",' * 2000)) == 2000


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        ('"abc"', True),
        ('"x"', False),
        ('W/"abc"', False),
        ("*", False),
        ("", False),
        (SAME, True),
        (BEFORE, False),
        (AFTER, False),
        ("abc", False),
    ],
)
def test_if_range(if_range, applies):
    assert range_applies(if_range, ETAG, MODIFIED, MODIFIED + 100) is applies


def test_if_range_with_a_date_of_this_second_is_not_strong():
    assert range_applies(SAME, ETAG, MODIFIED, MODIFIED + 1)
    assert not range_applies(SAME, ETAG, MODIFIED, MODIFIED)
    assert not range_applies(SAME, ETAG, None, MODIFIED + 1)
    assert not range_applies('"abc"', None, MODIFIED, MODIFIED + 1)
