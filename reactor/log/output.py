"""Words out, without waiting for their reader.

A pipe that nobody reads is full after 64 KiB, and the next write to it waits for ever: in a
single thread that is the end of everything. So what a log, a warning or an application's
``wsgi.errors`` has to say is written as far as there is room; the rest is lost, and counted.

Knows a descriptor. Must never know what is said, or to whom.
"""

from __future__ import annotations

import io
import os
import select
import stat
from collections.abc import Callable
from typing import Any, TextIO


def is_file(descriptor: int) -> bool:
    """Whether it is a file, which has room at any time, or none at all (ENOSPC)."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def unblocking(descriptor: int) -> int:
    """Of a pipe, another descriptor whose writes do not wait.

    Between a look for room and a write another process may fill it, and a worker would wait with
    all its clients. The pipe itself must not be made non-blocking, since it is not ours alone.
    Of all else, and where /proc gives none, it is ``descriptor``.
    """
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        pass  # it was somebody else's, before this process gave up its rights
    return descriptor


def offer(descriptor: int, data: bytes, file: bool = False) -> int:
    """Write what can be written without waiting: how many bytes that were. ``file``: `is_file`.

    Raises OSError if not one was: BrokenPipeError if nobody reads any more.
    """
    sent = 0
    room = select.poll()  # one for each call: threads may not share one
    if not file:
        room.register(descriptor, select.POLLOUT)
    try:
        while sent < len(data) and (file or room.poll(0)):
            sent += os.write(descriptor, data[sent:] if file else piece_of(data, sent))
    except BlockingIOError:
        pass  # another process was faster
    except OSError:
        if not sent:
            raise
    return sent


def piece_of(data: bytes, begin: int) -> bytes:
    """What goes into a pipe at once: one with any room at all takes PIPE_BUF bytes (pipe(7)), whole
    lines then, between which another process may write its own."""
    end = begin + select.PIPE_BUF
    if end >= len(data):
        return data[begin:]
    return data[begin : data.rfind(b"\n", begin, end) + 1 or end]


class Loss:
    """What of the lines that were offered to a descriptor was lost.

    ``began`` gets the reason when that begins, ``over`` the number of lines when it is over.

    Attributes:
        lines: how many were lost, from the first on.
        count: is called with how many are lost now.
    """

    count: Callable[[int], object] | None = None

    def __init__(self, began: Callable[[str], object], over: Callable[[int], object]) -> None:
        self._began, self._over = began, over
        self._losing = False
        self._torn = False  # only the beginning of the last line was written
        self._lost = self.lines = 0

    def offer(self, descriptor: int, data: bytes, file: bool = False, written: int = 0) -> bool:
        """Write it, or lose it: whether all is written, and nothing before it was torn. Never
        waits, and what the kernel says is not raised. ``written``: so much of it is there."""
        if self._torn:
            data = b"\n" + data
        reason = "no room" if file else "nobody reads it"
        try:
            written += offer(descriptor, data[written:], file)
        except OSError as error:
            reason = error.strerror or str(error)
        if written < len(data):
            begun = self._torn if not written else data[written - 1 : written] != b"\n"
            # Of a line that has begun the end is lost, and with it the line.
            self._lose(data[max(written, self._torn) :], reason)
            self._torn = begun
            return False
        self._torn = False
        if self._losing:
            lost, self._lost, self._losing = self._lost, 0, False
            self._over(max(1, lost))
        return True

    def _lose(self, data: bytes, reason: str) -> None:
        lines = data.count(b"\n")
        self._lost += lines
        self.lines += lines
        if self.count is not None:
            self.count(lines)
        if not self._losing:
            self._losing = True
            self._began(reason)


class _Unwaiting(io.RawIOBase):
    """A descriptor as a raw stream. It is not closed with the stream: it is not ours."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._own = unblocking(descriptor)
        # That it begins could be said only here, where nothing can be written.
        self._loss = Loss(began=lambda reason: None, over=self._count)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = len(data)
        if size:
            self._loss.offer(self._own, bytes(data))
        return size

    def close(self) -> None:
        if not self.closed and self._own != self._descriptor:
            os.close(self._own)
        super().close()

    def _count(self, lost: int) -> None:
        self._loss.offer(self._own, b"reactor: %d lines were lost here\n" % lost)


_last: list[TextIO | None] = [None, None]  # a stream, and the one that it was made into


def unwaiting(stream: TextIO | None) -> TextIO | None:
    """A text stream to the descriptor of ``stream`` that never waits: the same each time.

    One that has no descriptor is in memory, or somebody's own: it is returned as it is.
    """
    known, found = _last
    if stream is not known:
        found = _unwaiting(stream)
        _last[:] = stream, found
    return found


def _unwaiting(stream: TextIO | None) -> TextIO | None:
    if stream is None or isinstance(getattr(stream, "buffer", None), _Unwaiting):
        return stream
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return stream
    raw: Any = _Unwaiting(descriptor)  # a text layer over a raw stream, as python -u has it
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return io.TextIOWrapper(raw, encoding, "backslashreplace", write_through=True)
