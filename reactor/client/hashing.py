"""SHA-256 of a body: how a user writes one, and where it comes from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEX = frozenset("0123456789abcdefABCDEF")


def is_sha256(text: str) -> bool:
    """Whether it is one, or ``-`` for any.

    >>> is_sha256("ab" * 32), is_sha256("-"), is_sha256("ab")
    (True, True, False)
    """
    return text == "-" or (len(text) == 64 and _HEX.issuperset(text))


def new_sha256() -> Any:
    import hashlib  # loads OpenSSL: only who wants a hash pays for it

    return hashlib.sha256()
