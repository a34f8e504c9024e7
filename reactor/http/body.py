"""How a response's body is framed, and where its bytes come from.

    bytes      Content-Length; in slices if it is long
    plain file Content-Length by its header, else to the end of the file; sent by the kernel
    iterable   Content-Length if the application gave one, and held to; else chunked in
               HTTP/1.1, and ended by the end of the connection in HTTP/1.0
    has read   an iterable of what it reads: a pipe, a BytesIO, a file that is decompressed, and a
               plain file whose size is not its length (/proc, /sys)

The pieces of bytes, lists and tuples are there at once. Any other iterable is *lazy*: its next
piece may be a long time in coming, so the last one has to leave first (PEP 3333: a server must
not delay the transmission of any block).

The rules are RFC 9110 section 6.4.1 and RFC 9112 section 6.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from reactor._file import File
from reactor.limits import DEFAULT_LIMITS
from reactor.parser._length import has_content, said_length
from reactor.parser._message import Request, Response
from reactor.parser._serialise import serialise_chunk, serialise_last_chunk

# Long bytes are written in slices of this size, as the peer takes them.
SLICE_BYTES = DEFAULT_LIMITS.write_high_water_bytes


def not_bytes(piece: Any) -> TypeError:
    """What is wrong with a piece of a body that is no bytes."""
    hint = ": encode it, text.encode()" if isinstance(piece, str) else ""
    return TypeError(f"a body yields bytes, not {type(piece).__name__}{hint}")


class PlainFile:
    """A file for the kernel to send, with a ``close`` of its own."""

    __slots__ = ("close", "fileno", "read", "seek", "tell")

    def __init__(self, file: Any, close: Callable[[], object]) -> None:
        file.flush()  # what was written to it may not be in its descriptor yet
        self.fileno, self.tell = file.fileno, file.tell
        self.read, self.seek = file.read, file.seek
        self.close = close

    def __enter__(self) -> PlainFile:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def is_plain_file(file: Any) -> bool:
    """Whether reading ``file`` gives just the bytes of its descriptor, from ``tell()`` on.

    Exact types: a gzip.GzipFile has a descriptor too, of the compressed bytes.
    """
    if type(file) is File:
        return True
    raw = file.raw if type(file) in {io.BufferedReader, io.BufferedRandom} else file
    return (
        type(raw) is io.FileIO and raw.readable() and stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    )


def has_true_size(descriptor: int, status: os.stat_result) -> bool:
    """Whether a regular file is as long as its ``fstat`` says.

    The kernel makes what is in /proc and /sys when it is read: such a file has a size of 0, or of
    a page. Only one without a block on a disk can be of that kind. A sparse file has none either,
    and is read where it should end.
    """
    if status.st_blocks:
        return True
    size = status.st_size
    try:
        return bool(os.pread(descriptor, 1, max(0, size - 1))) == bool(size)
    except OSError:  # as /proc/PID/pagemap, which gives only eight bytes at once
        return False


def blocks_of(file: Any, block_bytes: int = SLICE_BYTES) -> Iterator[bytes]:
    """What ``file`` reads, in blocks of at most so many bytes, each as soon as it is there."""
    # read() of a buffered pipe waits until the block is full; read1() takes what has come.
    read = getattr(file, "read1", None) or file.read
    return iter(partial(read, block_bytes), b"")


class OutgoingBody:
    """The framing of one response, decided before its head is written.

    Attributes:
        length: what Content-Length says; None if there is no such field.
        chunked: whether Transfer-Encoding: chunked says the end.
        until_close: whether only the end of the connection says it.
        file: the file, when it is one, to be sent from ``offset``.
        pieces: what yields the body, when it is neither empty nor a file.
        lazy: whether the application makes the pieces while they are sent.
        pushing: whether it hands them over itself (`Exchange.send`).
        trailers: fields that follow a chunked body.
    """

    def __init__(self, request: Request | None, response: Response) -> None:
        self.length = response.content_length
        self.chunked = False
        self.until_close = False
        self.file: Any = None
        self.offset = 0
        self.pieces: Iterator[bytes] | None = None
        self.lazy = self.pushing = False
        self.trailers: Any = ()
        self.source: Any = response.body
        size = self._take(response.body)
        method = None if request is None else request.method
        said = said_length(
            method,
            response.status,
            -1 if self.length is None else self.length,
            -1 if size is None else size,
            self.file is not None,
        )
        self.length = None if said < 0 else said
        if not has_content(method, response.status):
            self._drop()
        elif said < 0:
            self.chunked = request is None or request.version >= 11
            self.until_close = not self.chunked

    def take_file(self) -> Any:
        """The file; the caller closes it."""
        file, self.file, self.source = self.file, None, None
        return file

    def continue_with(self, body: Any) -> None:
        """What was pushed is followed by ``body``, bytes or an iterable of them."""
        self.pushing = False
        self._take(body)
        self.source, self.lazy = body, True

    def next_piece(self, written: int) -> bytes | None:
        """The next bytes, never none; None at the end. ``written`` came before them.

        Raises ValueError if the body is longer or shorter than its Content-Length.
        """
        for piece in self.pieces or ():
            self.check_piece(piece, written)
            if piece:  # an empty chunk would end the message
                return piece
        if self.length is not None and written < self.length:
            raise ValueError(f"the body has {written} of its {self.length} bytes")
        return None

    def check_piece(self, piece: Any, written: int) -> None:
        """Raise TypeError or ValueError if it can be none, after ``written`` bytes."""
        if not isinstance(piece, bytes):
            raise not_bytes(piece)
        if self.length is not None and written + len(piece) > self.length:
            raise ValueError(f"the body has more than its Content-Length, {self.length} bytes")

    def frame(self, piece: bytes) -> bytes:
        return serialise_chunk(piece) if self.chunked else piece

    def end(self) -> bytes:
        return serialise_last_chunk(self.trailers) if self.chunked else b""

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
        if type(body) is PlainFile or is_plain_file(body):
            size = self._take_file(body)
            if size is not None:
                return size
        self.lazy = type(body) not in {list, tuple}
        self.pieces = blocks_of(body) if hasattr(body, "read") else iter(body)
        return None

    def _take_file(self, body: Any) -> int | None:
        """For the kernel to send, if its size is known: that from its offset on."""
        status = os.fstat(body.fileno())
        offset: int = body.tell()
        size: int = max(0, status.st_size - offset)
        # A length of the application's own that the size allows is its word.
        said = self.length is not None and self.length <= size
        if not said and not has_true_size(body.fileno(), status):
            return None
        plain = type(body) in {File, PlainFile}
        self.file = body if plain else PlainFile(body, body.close)
        self.offset = offset
        return size

    def _drop(self) -> None:
        """Send nothing; the source stays, to be closed when the response is written."""
        self.file, self.pieces = None, None


def _slices(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), SLICE_BYTES):
        yield data[start : start + SLICE_BYTES]
