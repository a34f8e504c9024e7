"""Numbers on a command line, as argparse takes them: a sentence says what is none."""

from __future__ import annotations

from argparse import ArgumentTypeError

from reactor.parser._digits import parse_digits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

DAY_S = 86_400  # a unit


def whole(first: int, last: int) -> Callable[[str], int]:
    """From ``first`` to ``last``, both of them in."""

    def number(text: str) -> int:
        found = parse_digits(text, len(str(last)))
        if found is None or not first <= found <= last:
            raise ArgumentTypeError(f"{text!r:.40} is no number from {first} to {last}")
        return found

    return number


def seconds(text: str) -> float:
    return _between(text, DAY_S, "number of seconds above 0 and up to 86400, a day")


def seconds_or_0(text: str) -> float:
    return 0.0 if text == "0" else seconds(text)


def above_zero(text: str) -> float:
    return _between(text, 10_000_000, "number above 0 and up to 10000000")


def _between(text: str, last: int, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number <= last:  # nor NaN
        raise ArgumentTypeError(f"{text!r:.40} is no {what}")
    return number
