"""What length a body has, and what Content-Length says of it (RFC 9110 6.4.1 and 8.6)."""

from typing import Any

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

def has_content(method: str | None, status: int) -> bool:
    """Whether the answer to ``method`` (None: nobody knows it) may have a body.

    >>> has_content("GET", 200), has_content("HEAD", 200), has_content("GET", 304)
    (True, False, False)
    """

def said_length(method: str | None, status: int, declared: int, size: int, partly: bool) -> int:
    """What Content-Length says of the answer to ``method``; -1: there is no such field.

    Args:
        declared: what the application says; -1: nothing.
        size: how many bytes the body has; -1: nobody knows.
        partly: whether ``declared`` may be less: only so much of a file is to be sent.

    Raises:
        LocalProtocolError: they contradict each other, or the status has no body.

    >>> said_length("GET", 200, -1, 5, False), said_length("HEAD", 200, -1, 0, False)
    (5, -1)
    """
