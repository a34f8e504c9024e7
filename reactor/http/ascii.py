"""Digits and case as HTTP means them: ASCII only.

``int()`` takes signs, spaces, underscores and the digits of every script; ``str.lower()``
folds letters that are no ASCII at all ("K" the Kelvin sign becomes "k"). Each of these
has made two programs read one message in two ways.
"""

from __future__ import annotations

_VALUES = {character: value for value, character in enumerate("0123456789")}


def parse_digits(text: str, digits_max: int) -> int | None:
    """The number that 1 to ``digits_max`` ASCII digits stand for; None for anything else."""
    if not text or len(text) > digits_max:
        return None
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number * 10 + value
    return number


def lower(text: str) -> str:
    """``text`` with A to Z in lower case and every other character as it was."""
    if text.isascii():
        return text.lower()
    # bytes.lower() is ASCII-only; "surrogatepass" keeps whatever a str may hold.
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
