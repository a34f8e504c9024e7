"""Files without a name for the bodies of requests that are too large to be kept in memory.

    BodyFiles ─open─> BodyFile ─append ... append─> read, or load

The machine that collects a body is given a `BodyFile` for it, and appends what each read of the
connection brought. The application reads it, as a file or all at once (`load`). Nobody
else can: the file never has a name, or loses it before its first byte is written, so what a crash
leaves behind is nothing. It is gone with the last reference to it.

Knows a folder and the kernel's errors. Must never know HTTP, or how many files there may be: that
is counted where bodies are (`http/_collecting.pyx`).
"""

from __future__ import annotations

import errno
import io
import logging
import math
import os
import time
from contextlib import suppress
from typing import Any

from reactor._file import File
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import log
from reactor.server.file_systems import kind_of

# What a stream reads ahead: a system call for each block of this size.
BLOCK_BYTES = DEFAULT_LIMITS.read_bytes_max

_NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE}
# File systems whose files are pages of memory (and of swap, if there is any).
_OF_MEMORY = {"tmpfs", "ramfs"}


class BodyFiles:
    """Makes the files, all in one folder; by default in the system's temporary one.

    Raises:
        ConfigurationError: no file can be made in ``folder``, or there is no temporary folder.
    """

    def __init__(self, folder: str | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        self.folder = _temporary_folder() if folder is None else folder
        self._warning_s = limits.full_warning_s
        self._said_at = -math.inf
        try:
            os.close(_unnamed(self.folder))
        except OSError as error:
            raise ConfigurationError(
                f"no file for a request's body can be made in {self.folder!r}: {error.strerror}"
            ) from error

    @property
    def is_in_memory(self) -> bool:
        """Whether the folder is memory: then its files take what they were to save."""
        return kind_of(self.folder) in _OF_MEMORY

    def open(self) -> BodyFile | None:
        """A new file; None if the process has no descriptor for one.

        Raises:
            OSError: the folder takes no file, for another reason.
        """
        try:
            return BodyFile(_unnamed(self.folder), self)
        except OSError as error:
            self.failed(error)
            if error.errno not in _NO_DESCRIPTOR:
                raise
            return None

    def failed(self, error: OSError) -> None:
        """Tell the operator, who can make room; not for each of a thousand bodies."""
        now = time.monotonic()
        if now - self._said_at > self._warning_s:
            self._said_at = now
            sentence = "a request's body could not be written to %s: %s"
            log(logging.WARNING, sentence, self.folder, error.strerror)


class BodyFile(io.BufferedReader):
    """A body: appended to until it is whole, then read; open at its first byte from the start."""

    def __init__(self, descriptor: int, files: BodyFiles) -> None:
        self._place = _Place(descriptor)
        self._files = files
        super().__init__(self._place, BLOCK_BYTES)

    @property
    def size(self) -> int:
        """Bytes that were appended."""
        return self._place.size

    def append(self, data: bytes) -> None:
        """All of ``data``.

        Raises:
            OSError: the disk is full, or in trouble; the body is of no use any more.
        """
        written = 0
        try:
            while written < len(data):
                # A full disk takes a part first, and says so only when it is asked again.
                written += os.write(self._place.descriptor, memoryview(data)[written:])
        except OSError as error:
            self._files.failed(error)
            raise
        self._place.size += written

    def load(self) -> bytes:
        """The whole body, in memory; where this is read goes on from where it was.

        Raises:
            OSError: the disk's trouble.
        """
        return self._place.read_from(0)


class _Place(io.RawIOBase):
    """Where a body is read: an offset of its own, since the kernel's is where it is written."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = 0
        self._owner = File(descriptor, 0)  # closes it with the last reference
        self._offset = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        offset += {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self.size}[whence]
        if offset < 0:
            raise ValueError(f"offset {offset} is below zero")
        self._offset = offset
        return offset

    def readall(self) -> bytes:
        data = self.read_from(self._offset)  # io's own would read it by 8 KiB
        self._offset += len(data)
        return data

    def read_from(self, offset: int) -> bytes:
        pieces: list[bytes] = []
        while offset < self.size:  # the kernel gives at most 2 GiB at once
            data = os.pread(self.descriptor, self.size - offset, offset)
            if not data:
                raise OSError(errno.EIO, "the file of a request's body became shorter")
            pieces.append(data)
            offset += len(data)
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self.descriptor, [buffer], self._offset)
        self._offset += count
        return count


def body_files_for(app: Any, limits: Limits, folder: str | None) -> BodyFiles | None:
    """Where large bodies for ``app`` go; None if it takes none, or none may be in files.

    Raises:
        ConfigurationError: no file can be made in ``folder``. Without the system's own one all
            bodies stay in memory, and the log says so.
    """
    largest = 0 if getattr(app, "streams_bodies", False) else getattr(app, "body_bytes_max", 0)
    if min(largest, limits.body_files_bytes_max) <= limits.body_in_memory_bytes_max:
        return None
    try:
        return BodyFiles(folder, limits)
    except ConfigurationError as error:
        if folder is not None:
            raise
        log(logging.WARNING, "request bodies stay in memory: %s", error)
        return None


def _temporary_folder() -> str:
    import tempfile  # only servers of applications pay for it

    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        raise ConfigurationError("there is no temporary folder that can be written to") from error


def _unnamed(folder: str) -> int:
    """The descriptor of a new file without a name."""
    if hasattr(os, "O_TMPFILE"):
        # Not every file system has it, and older kernels take it for opening a folder. Whatever
        # else is wrong the other way finds too.
        with suppress(OSError):
            return os.open(folder, os.O_TMPFILE | os.O_EXCL | os.O_RDWR, 0o600)
    import tempfile

    descriptor, path = tempfile.mkstemp(prefix="reactor-body-", dir=folder)
    try:
        os.unlink(path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
