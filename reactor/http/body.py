"""How a response's body is framed, and where its bytes come from.

    bytes      Content-Length; in slices if it is long
    file       Content-Length by its header, else to the end of the file; sent by the kernel
    iterable   Content-Length if the application gave one, and held to; else chunked in
               HTTP/1.1, and ended by the end of the connection in HTTP/1.0

The rules are RFC 9110 section 6.4.1 and RFC 9112 section 6.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from reactor._message import Request, Response
from reactor.errors import LocalProtocolError
from reactor.http._serialise import serialise_chunk, serialise_last_chunk
from reactor.limits import DEFAULT_LIMITS

# Long bytes are written in slices of this size, as the peer takes them.
SLICE_BYTES = DEFAULT_LIMITS.write_high_water_bytes


class OutgoingBody:
    """The framing of one response, decided before its head is written.

    Attributes:
        length: what Content-Length says; None if there is no such field.
        chunked: whether Transfer-Encoding: chunked says the end.
        until_close: whether only the end of the connection says it.
        file: the file, when it is one, to be sent from ``offset``.
        pieces: what yields the body, when it is neither empty nor a file.
    """

    def __init__(self, request: Request | None, response: Response) -> None:
        status = response.status
        self.length = response.content_length
        self.chunked = False
        self.until_close = False
        self.file: BinaryIO | None = None
        self.offset = 0
        self.pieces: Iterator[bytes] | None = None
        self.source: Any = response.body
        size = self._take(response.body)
        if status in {204, 304}:
            if size:
                raise LocalProtocolError(f"a response with status {status} has no body")
            # RFC 9110 8.6: a 204 has no such field; in a 304 it describes what a 200 would have.
            self.length = None if status == 204 else response.content_length
            self._drop()
        elif request is not None and request.method == "HEAD":
            # An application may say the length that GET would have, and save itself the body. No
            # body at all says nothing of GET's (RFC 9110 8.6: if there is a length, it is that).
            self.length = (size or None) if self.length is None else self.length
            self._drop()
        elif size is None:
            self.chunked = self.length is None and (request is None or request.version >= 11)
            self.until_close = self.length is None and not self.chunked
        elif self.length is None:
            self.length = size
        elif self.length > size or (self.file is None and self.length != size):
            raise LocalProtocolError(
                f"Content-Length is {self.length} but the body has {size} bytes"
            )

    def take_file(self) -> BinaryIO | None:
        """The file, for who will close it."""
        file, self.file, self.source = self.file, None, None
        return file

    def next_piece(self, written: int) -> bytes | None:
        """The next bytes, never none; None at the end. ``written`` came before them.

        Raises ValueError if the body is longer or shorter than its Content-Length.
        """
        for piece in self.pieces or ():
            if not isinstance(piece, bytes):
                raise TypeError(f"a body yields bytes, not {type(piece).__name__}")
            if self.length is not None and written + len(piece) > self.length:
                raise ValueError(f"the body has more than its Content-Length, {self.length} bytes")
            if piece:  # an empty chunk would end the message
                return piece
        if self.length is not None and written < self.length:
            raise ValueError(f"the body has {written} of its {self.length} bytes")
        return None

    def frame(self, piece: bytes) -> bytes:
        return serialise_chunk(piece) if self.chunked else piece

    def end(self) -> bytes:
        return serialise_last_chunk() if self.chunked else b""

    def close(self) -> None:
        """Tell the application's iterable or file that nobody wants more. Idempotent."""
        source, self.source, self.file, self.pieces = self.source, None, None, None
        if hasattr(source, "close"):
            source.close()

    def _take(self, body: Any) -> int | None:
        """Where the bytes come from; how many there are, None if nobody can know."""
        if isinstance(body, bytes):
            self.pieces = _slices(body)
            return len(body)
        if hasattr(body, "read") and hasattr(body, "fileno"):
            self.file = body
            self.offset = body.tell()
            return max(0, os.fstat(body.fileno()).st_size - self.offset)
        self.pieces = iter(body)
        return None

    def _drop(self) -> None:
        """Send nothing; the source stays, to be closed when the response is written."""
        self.file, self.pieces = None, None


def _slices(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), SLICE_BYTES):
        yield data[start : start + SLICE_BYTES]
