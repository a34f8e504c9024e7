"""A file with the number of the server's process, for whoever sends it signals.

It is locked as long as the server runs, so a number that a killed server left behind is told from
one that counts, also when another process has got that number since. Only its writer removes it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from reactor.errors import ConfigurationError

_NUMBER_BYTES = 20  # as many digits as a process can have


@contextmanager
def pid_file(path: str) -> Iterator[int]:
    """Gives the file's descriptor, which a child process has to close.

    Raises ConfigurationError: it cannot be written, or the server that it names still runs."""
    descriptor = _locked(path)
    writer = os.getpid()
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % writer, 0)
        yield descriptor
    finally:
        if os.getpid() == writer:  # an application may have forked
            with suppress(OSError):
                if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                    os.unlink(path)
        os.close(descriptor)


def _locked(path: str) -> int:
    """The descriptor of the file, which nobody else has locked."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error
        try:
            held = _held_by(descriptor)
            if held is not None:
                raise ConfigurationError(f"cannot write {path}: {held}")
            # Its last owner may have removed it between our two calls.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _held_by(descriptor: int) -> str | None:
    """Locks it; or why it is not ours to write."""
    text = os.pread(descriptor, _NUMBER_BYTES, 0).strip()
    if text and not text.isdigit():
        return "it holds something else than the number of a process"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return f"the server that it names, process {text.decode('ascii')}, still runs"
    return None
