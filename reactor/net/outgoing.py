"""What a connection has still to send: bytes and regions of files, in order.

Small writes are gathered in one buffer, so that the answers to pipelined
requests, and the head and body of each, leave in one system call.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from typing import BinaryIO


class FileRegion:
    """``count`` bytes of a file; owns the file."""

    __slots__ = ("count", "file", "offset")

    def __init__(self, file: BinaryIO, offset: int, count: int) -> None:
        self.file = file
        self.offset = offset
        self.count = count

    def __len__(self) -> int:
        return self.count


class Outgoing:
    """A queue of unsent bytes; ``size`` counts them all."""

    __slots__ = ("_queue", "size")

    def __init__(self) -> None:
        self._queue: deque[bytearray | FileRegion] = deque()
        self.size = 0

    def append(self, data: bytes | bytearray | memoryview) -> None:
        last = self._queue[-1] if self._queue else None
        if isinstance(last, bytearray):
            last += data
        else:
            self._queue.append(bytearray(data))
        self.size += len(data)

    def append_file(self, region: FileRegion) -> None:
        self._queue.append(region)
        self.size += region.count

    def send(self, sock: socket.socket, at_most: int) -> int:
        """Give the kernel up to ``at_most`` bytes, or as many as it takes; how many it took.

        Raises:
            OSError: the connection is broken, or a file cannot be sent whole.
        """
        sent = 0
        while self._queue and sent < at_most:
            first = self._queue[0]
            offered = min(len(first), at_most - sent)
            try:
                taken = _send(sock, first, offered)
            except BlockingIOError:
                break
            sent += taken
            self.size -= taken
            if not len(first):
                _release(self._queue.popleft())
            if taken < offered:
                break  # the kernel is full: asking again would only cost a system call
        return sent

    def clear(self) -> None:
        """Drop everything and close the files."""
        while self._queue:
            _release(self._queue.popleft())
        self.size = 0


def _send(sock: socket.socket, item: bytearray | FileRegion, count: int) -> int:
    if isinstance(item, FileRegion):
        return _sendfile(sock, item, count)
    with memoryview(item) as view, view[:count] as offered:
        sent = sock.send(offered)
    del item[:sent]
    return sent


def _sendfile(sock: socket.socket, region: FileRegion, count: int) -> int:
    sent = os.sendfile(sock.fileno(), region.file.fileno(), region.offset, count)
    if sent == 0:
        raise OSError(errno.EIO, "the file became shorter while it was sent")
    region.offset += sent
    region.count -= sent
    return sent


def _release(item: bytearray | FileRegion) -> None:
    if isinstance(item, FileRegion):
        item.file.close()
