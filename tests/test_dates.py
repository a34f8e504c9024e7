"""HTTP-date, against the standard library and RFC 9110 5.6.7."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.http.dates import format_date, parse_date

EXAMPLE = 784111777
NOW = 1_790_000_000  # 2026


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_the_three_forms_of_one_moment(text):
    assert parse_date(text, NOW) == EXAMPLE


@settings(derandomize=True)
@given(st.integers(0, 253402300799))
def test_written_as_the_standard_library_does_and_read_back(seconds):
    assert format_date(seconds) == formatdate(seconds, usegmt=True)
    assert parse_date(format_date(seconds)) == seconds


def test_moments_that_no_date_can_say_are_clamped():
    assert format_date(-1) == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert format_date(2**60) == "Fri, 31 Dec 9999 23:59:59 GMT"


@pytest.mark.parametrize(
    ("year", "full"), [("94", 1994), ("26", 2026), ("76", 2076), ("77", 1977), ("00", 2000)]
)
def test_two_digit_years_are_at_most_50_years_ahead(year, full):
    seconds = parse_date(f"Sunday, 06-Nov-{year} 08:49:37 GMT", NOW)
    assert seconds is not None
    assert f" {full} " in format_date(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "0", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
     "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 6 Nov 1994 08:49:37 GMT",
     "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
     "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
     "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
     "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
     "Sun, 29 Feb 1995 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT",
     "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1_94 08:49:37 GMT",
     "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
     " Sun, 06 Nov 1994 08:49:37 GMT", "Sun  06 Nov 1994 08:49:37 GMT",
     "Son, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
     "Sunday, 06-Nov-x4 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT",
     "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun,Nov  6 08:49:37 1994"],
)  # fmt: skip
def test_what_is_no_date(text):
    assert parse_date(text, NOW) is None


def test_leap_days():
    assert parse_date("Tue, 29 Feb 2000 00:00:00 GMT") == 951782400
    assert parse_date("Thu, 29 Feb 2024 00:00:00 GMT") == 1709164800


@settings(derandomize=True, max_examples=300)
@given(st.text(max_size=40))
def test_no_text_breaks_it(text):
    assert parse_date(text, NOW) is None or isinstance(parse_date(text, NOW), int)
