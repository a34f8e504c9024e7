"""What an option of `get` takes, checked: each function is the ``type`` of an argument.

A sentence says what is wrong, and never repeats what may be a password.
"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from reactor.cli.numbers import above_zero, whole

PARALLEL_MAX = 1000  # each has a connection and a file
_FORMAT_CHARACTERS_MAX = 64 * 1024  # of a file that -w reads; a device has no end


def parallel(text: str) -> int:
    if not text.isdigit():
        raise ArgumentTypeError(
            f"{text!r:.40} is no number of transfers; to save into a folder go there first: cd"
        )
    return whole(1, PARALLEL_MAX)(text)


# RFC 9110 5.6.2
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def method(text: str) -> str:
    if _TOKEN.fullmatch(text) is None:
        raise ArgumentTypeError(f"{text!r:.40} is no method: write a word, as GET")
    return text


def value(text: str) -> str:
    """Of a field."""
    if not (text.isprintable() or set(text) <= {"\t", *filter(str.isprintable, text)}):
        raise ArgumentTypeError("a field's value is one line of printable characters")
    return text


def header(text: str) -> tuple[str, str]:
    name, colon, rest = text.partition(":")
    if not colon or not name:
        # Not repeated: there may be a password in it.
        raise ArgumentTypeError("a field is written NAME:VALUE")
    if _TOKEN.fullmatch(name) is None:
        raise ArgumentTypeError("a field's name is letters, digits and -")
    return name, value(rest).strip()


def digest(text: str) -> str:
    from reactor.client.hashing import is_sha256  # the help needs no client

    if not is_sha256(text):
        raise ArgumentTypeError(f"{text!r:.80} is no SHA-256: 64 hexadecimal digits, or -")
    return text


def from_where(text: str) -> bool:
    if text != "-":
        raise ArgumentTypeError("write -: what there is of the file is looked at")
    return True


def range_of_bytes(text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        first, dash, last = part.partition("-")
        digits = (first + last).isascii() and (first + last).isdigit()
        if not dash or not digits:
            raise ArgumentTypeError(
                f"{text!r:.80} is no range: write FIRST-LAST (no page is searched for links)"
            )
    return ",".join(parts)


# Units as curl has them.
_RATES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def rate(text: str) -> float:
    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].isalpha() else (text, "")
    if unit not in _RATES:
        raise ArgumentTypeError(f"{text!r:.40} is no rate: write bytes, as 500k or 2m")
    return above_zero(number) * _RATES[unit]


def write_out(text: str) -> list[str]:
    from reactor.cli.get.write_out import parts_of  # few need it

    if text.startswith("@"):
        try:
            with open(text[1:], encoding="utf-8", errors="surrogateescape") as file:
                text = file.read(_FORMAT_CHARACTERS_MAX)
        except OSError as error:
            raise ArgumentTypeError(f"cannot read {text[1:]}: {error.strerror}") from error
    return parts_of(text)
