"""`reactor.cli.numbers`: what is a number on a command line, and what is none."""

from argparse import ArgumentTypeError

import pytest

from reactor.cli.numbers import above_zero, seconds, whole


@pytest.mark.parametrize("text", ["3", "10", "99", "03"])
def test_numbers_in_the_bounds_are_taken(text):
    assert whole(3, 99)(text) == int(text)


@pytest.mark.parametrize("text", ["", "2", "100", "-3", "+3", " 3", "3 ", "3.0", "1_0", "٣", "³"])
def test_other_texts_are_named_with_the_bounds(text):
    with pytest.raises(ArgumentTypeError, match=r"from 3 to 99$") as raised:
        whole(3, 99)(text)
    assert repr(text) in str(raised.value)


@pytest.mark.parametrize("text", ["1", "0.5", "1e3", "86400"])
def test_times(text):
    assert seconds(text) == above_zero(text) == float(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "-inf", "1 s", "86401"])
def test_what_is_no_time(text):
    with pytest.raises(
        ArgumentTypeError, match=r"is no number of seconds above 0 and up to 86400, a day$"
    ):
        seconds(text)


def test_a_long_text_is_cut():
    with pytest.raises(ArgumentTypeError) as raised:
        above_zero("9" * 1000)
    assert len(str(raised.value)) < 90
    assert str(raised.value).endswith("is no number above 0 and up to 10000000")
