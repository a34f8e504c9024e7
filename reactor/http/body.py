"""What an application may give as a body, and which files the kernel can send.

How a body is framed is `_body.pyx`'s.
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
from reactor.parser._message import Response

# Long bytes are written in slices of this size, as the peer takes them.
SLICE_BYTES = DEFAULT_LIMITS.write_high_water_bytes


def not_bytes(piece: Any) -> TypeError:
    """What is wrong with a piece of a body that is no bytes."""
    hint = ": encode it, text.encode()" if isinstance(piece, str) else ""
    return TypeError(f"a body yields bytes, not {type(piece).__name__}{hint}")


class LateResponse:
    """A response that is known when its body has a piece: until then all pieces are empty.

    ``pieces`` is asked once a turn. With the first that is not empty ``begin`` gives the response
    whose body begins with it; at their end with b"".
    """

    pieces: Iterator[bytes]

    def begin(self, first: bytes) -> Response:
        raise NotImplementedError

    def close(self) -> None:
        """There will be none. Idempotent."""
        raise NotImplementedError


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
