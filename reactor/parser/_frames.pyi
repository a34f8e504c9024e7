from typing import Any, Protocol

from typing_extensions import disjoint_base

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

class _Inflater(Protocol):
    @property
    def pending(self) -> bool:
        """Whether `go_on` has more of what was given."""

    def go_on(self, most: int) -> bytes: ...
    def inflate(self, data: bytes, most: int, frame_ends: bool, last: bool) -> bytes:
        """What these bytes of a message come to first: at most one byte more than ``most``."""

@disjoint_base
class FrameReader:
    """Puts together the messages of one direction of a WebSocket connection.

    Args:
        masked: whether the peer is a client: all its frames are masked, a server's none.
        message_bytes_max: over it a message is refused, by 1009.
        inflater: of permessage-deflate, if that was negotiated.

    ``dropping``: messages are read over and not given out; control frames are.
    """

    dropping: bool
    @property
    def inflater(self) -> _Inflater | None: ...
    def __init__(
        self, masked: bool, message_bytes_max: int, inflater: _Inflater | None = None
    ) -> None: ...
    def read(
        self, data: bytes, found: list[tuple[int, str | bytes]] | None = None
    ) -> list[tuple[int, str | bytes]]:
        """What became whole by ``data``: opcodes with texts, bytes, payloads of control frames.

        It is appended to ``found``, which so has what came before a fault too.

        >>> FrameReader(False, 100).read(frame(1, b"Hello") + frame(9, b"?"))
        [(1, 'Hello'), (9, b'?')]

        Raises:
            RemoteProtocolError: the peer breaks RFC 6455; ``status`` is the close code.
        """

def frame(
    opcode: int,
    data: bytes,
    *,
    fin: bool = True,
    deflated: bool = False,
    mask: bytes | None = None,
) -> bytes:
    """One frame as it is sent; whatever it is told, right or wrong.

    >>> frame(1, b"Hello", mask=b"7\\xfa!=").hex()
    '818537fa213d7f9f4d5158'
    """

def masked(data: bytes, mask: bytes) -> bytes:
    """``data`` with a mask of four bytes put over it; the same again takes it off.

    >>> masked(masked(b"Hello", b"1234"), b"1234")
    b'Hello'
    """
