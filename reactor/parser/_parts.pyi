"""What a parser gives apart from heads."""

from typing import Any, final

from reactor.parser._headers import Headers

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@final
class Body:
    """A part of a body that was not all there when its head was parsed; never empty.

    >>> match Body(b"abc"):
    ...     case Body(data):
    ...         print(data)
    b'abc'
    """

    __match_args__ = ("data",)

    def __init__(self, data: bytes) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @property
    def data(self) -> bytes:
        """Its bytes, without what framed them."""

@final
class End:
    """The end of a message that did not come as one object."""

    __match_args__ = ("trailers",)

    def __init__(self, trailers: Headers | None = None) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @property
    def trailers(self) -> Headers:
        """The trailer fields of a chunked body; most often none."""
