"""A log in a file of its own, that others may move away while lines are written.

Each write appends (O_APPEND), so several processes may have the same file. It is opened again when
somebody says so (logrotate's signal), and by itself when the path leads elsewhere by now: that is
looked at when a line is written, once a second at most, so an idle process does nothing. The new
file is open before the old one is left, and where it cannot be opened the old one stays.

Knows a path. Must never know what is said, or to whom.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

from reactor.errors import ConfigurationError
from reactor.log.output import Loss, is_file

# Addresses of clients are nobody else's; the folder says whose group may read them.
MODE = 0o640
# A pipe with a name, that nobody reads, would wait to be opened.
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK


class LogFile:
    """Appends lines to ``path``, and waits for nobody but a disk.

    ``tell`` gets a sentence when lines begin to be lost, when that is over, and when the file
    cannot be opened again. What is asked for from a handler of signals, or from several threads,
    finds one and the same descriptor all the time.

    Raises:
        ConfigurationError: it cannot be written; the message says why.
    """

    def __init__(
        self,
        path: str,
        tell: Callable[[str], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = os.path.abspath(path)
        self._tell = tell
        self._clock = clock
        self._failed = False  # to be opened again, which was said
        self._loss = Loss(
            began=lambda reason: tell(f"the log {path} cannot be written: {reason}"),
            over=lambda lost: tell(f"{lost} lines of the log {path} were lost"),
        )
        try:
            self._descriptor = os.open(self._path, FLAGS, MODE)
        except OSError as error:
            raise ConfigurationError(f"the log {path}: {error.strerror}") from error
        self._opened()

    def _opened(self) -> None:
        found = os.fstat(self._descriptor)
        self._identity = found.st_dev, found.st_ino
        self._file = is_file(self._descriptor)
        self._looked_in = int(self._clock())

    @property
    def lines_lost(self) -> int:
        return self._loss.lines

    def count(self, lost: Callable[[int], object]) -> None:
        """Call it with how many lines are lost, each time."""
        self._loss.count = lost

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> None:
        self.write_lines(text.encode("utf-8", "backslashreplace"))

    @property
    def descriptor(self) -> int:
        """Of a file; -1: it is something else, which may have to be waited for."""
        return self._descriptor if self._file else -1

    def write_lines(self, lines: bytes, written: int = 0) -> bool:
        """Whole ones, of which so many bytes are written; whether all are now. Nothing is raised:
        what cannot be written is lost, and counted."""
        # A second of the wall's clock, as who writes past this knows it (`_access_lines.pyx`).
        if int(self._clock()) != self._looked_in:
            self._look()
        return self._loss.offer(self._descriptor, lines, self._file, written)

    def flush(self) -> None:
        """Nothing is kept back. A `logging.StreamHandler` asks for it."""

    def reopen(self) -> None:
        """Go on in the file that the path leads to now, which is made if there is none."""
        try:
            new = os.open(self._path, FLAGS, MODE)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._tell(f"the log {self._path} is not opened anew: {error.strerror}")
            return
        self._failed = False
        # In one step, so that no thread finds the number closed, or another's.
        os.dup2(new, self._descriptor, inheritable=False)
        os.close(new)
        self._opened()

    def _look(self) -> None:
        self._looked_in = int(self._clock())
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            self.reopen()
        except OSError:
            return  # whatever it is, the old one is as good
        else:
            if (found.st_dev, found.st_ino) != self._identity:
                self.reopen()

    def give_to(self, user: int, group: int) -> None:
        """Make the file somebody's who is to open it again, where that is ours to do. A device, or
        a pipe with a name, is not."""
        with suppress(OSError):
            if self._file:
                os.fchown(self._descriptor, user, group)

    def close(self) -> None:
        """Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
