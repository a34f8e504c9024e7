"""Numbers in text: ASCII digits and nothing else."""

from __future__ import annotations

import pytest

from reactor.parser._digits import parse_digits


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
