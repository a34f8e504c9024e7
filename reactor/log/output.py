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
from collections.abc import Callable
from typing import Any, TextIO


def offer(descriptor: int, data: bytes) -> int:
    """Write what can be written without waiting: how many bytes that were.

    Raises OSError: BrokenPipeError if nobody reads any more.
    """
    sent = 0
    room = select.poll()  # one for each call: threads may not share one
    room.register(descriptor, select.POLLOUT)
    # A pipe with any room at all takes PIPE_BUF bytes at once (pipe(7)); and the pipe must not be
    # made non-blocking, since it is not ours alone.
    while sent < len(data) and room.poll(0):
        sent += os.write(descriptor, data[sent : sent + select.PIPE_BUF])
    return sent


class Loss:
    """What of the lines that were offered to a descriptor was lost.

    ``began`` gets the reason when that begins, ``over`` the number of lines when it is over.
    """

    def __init__(self, began: Callable[[str], object], over: Callable[[int], object]) -> None:
        self._began, self._over = began, over
        self._losing = False
        self._torn = False  # only the beginning of the last line was written
        self._lost = 0

    def offer(self, descriptor: int, data: bytes) -> None:
        """Write it, or lose it. Never waits, and what the kernel says is not raised."""
        if self._torn:
            data = b"\n" + data
        try:
            written = offer(descriptor, data)
        except OSError as error:
            self._lose(data, error.strerror or str(error))
            return
        if written < len(data):
            self._torn = self._torn or written > 0
            self._lose(data[written:], "nobody reads it")
            return
        self._torn = False
        if self._losing:
            lost, self._lost, self._losing = self._lost, 0, False
            self._over(max(1, lost))

    def _lose(self, data: bytes, reason: str) -> None:
        self._lost += data.count(b"\n")
        if not self._losing:
            self._losing = True
            self._began(reason)


class _Unwaiting(io.RawIOBase):
    """A descriptor as a raw stream. It is not closed with the stream: it is not ours."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
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
            self._loss.offer(self._descriptor, bytes(data))
        return size

    def _count(self, lost: int) -> None:
        self._loss.offer(self._descriptor, b"reactor: %d lines were lost here\n" % lost)


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
