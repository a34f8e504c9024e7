"""Numbers in text: ASCII digits and nothing else."""

from __future__ import annotations

import pytest

from reactor.parser._digits import parse_digits, parse_saturated


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("1234567890", 1234567890)])
def test_digits(text, number):
    assert parse_digits(text, 10) == number


@pytest.mark.parametrize(
    "text", ["", "12345678901", "-1", "+1", " 1", "1 ", "1_0", "0x1", "\u0661", "\uff11", "\xb2"]
)
def test_no_digits(text):
    assert parse_digits(text, 10) is None


def test_the_largest_number_is_of_19_digits():
    assert parse_digits("9" * 19, 19) == parse_digits("9" * 19, 99) == 10**19 - 1
    assert parse_digits("0" * 20, 99) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("0" * 50 + "7", 7), ("9" * 19, 10**19 - 1), ("1" + "0" * 19, 10**19 - 1),
     ("18446744073709551616", 10**19 - 1), ("9" * 5000, 10**19 - 1), ("", None), ("1_0", None),
     ("9" * 30 + "x", None), ("9" * 30 + "-", None), ("9" * 30 + " ", None), ("+1", None),
     ("\u0661", None), ("9" * 30 + "\xb2", None)],
)  # fmt: skip
def test_larger_than_the_largest_is_the_largest(text, number):
    assert parse_saturated(text) == number
