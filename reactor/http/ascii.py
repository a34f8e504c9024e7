"""Case as HTTP means it: ASCII only.

``str.lower()`` folds letters that are no ASCII at all ("K" the Kelvin sign becomes "k"), which
has made two programs read one message in two ways. Digits are `parser/_digits.pyx`'s.
"""

from __future__ import annotations


def lower(text: str) -> str:
    """``text`` with A to Z in lower case and every other character as it was."""
    if text.isascii():
        return text.lower()
    # bytes.lower() is ASCII-only; "surrogatepass" keeps whatever a str may hold.
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
