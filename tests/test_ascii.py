"""ASCII-only digits and case."""

from __future__ import annotations

import pytest

from reactor.http.ascii import lower, parse_digits


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("1234567890", 1234567890)])
def test_digits(text, number):
    assert parse_digits(text, 10) == number


@pytest.mark.parametrize(
    "text", ["", "12345678901", "-1", "+1", " 1", "1 ", "1_0", "0x1", "\u0661", "\uff11", "\xb2"]
)
def test_no_digits(text):
    assert parse_digits(text, 10) is None


def test_lower_leaves_what_is_not_ascii():
    assert lower("AZ[az\u212a\xc4\u0130\udc80") == "az[az\u212a\xc4\u0130\udc80"
