"""Words out: what others chose is shown so that it can neither end a line nor drive a terminal.

Lines go to the descriptor itself. Through `sys.stdout`, a line that could not be
written (its reader has gone, the disk is full) would stay in a buffer and fail
again when the process ends.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def shown(text: str) -> str:
    r"""``text`` with everything that is not printable escaped.

    >>> print(shown("café\x1b[31m\n"))
    café\x1b[31m\n
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class Output:
    """Writes whole lines to stdout, or to stderr. Nothing happens if the process was started
    without it."""

    def __init__(self, stream: TextIO | None) -> None:
        # Without stdout, descriptor 1 may be anybody's: a socket, a file that is served.
        self._descriptor = None if stream is None else stream.fileno()
        self._encoding = "utf-8" if stream is None else stream.encoding

    def write(self, lines: str) -> None:
        """Raises OSError: BrokenPipeError if nobody reads any more."""
        data = lines.encode(self._encoding, "backslashreplace")
        while data and self._descriptor is not None:
            data = data[os.write(self._descriptor, data) :]

    def offer(self, lines: str) -> tuple[int, int]:
        """Write what can be written without waiting: how many bytes that were, of how many.

        Raises OSError as `write` does.
        """
        data = lines.encode(self._encoding, "backslashreplace")
        sent = 0
        room = select.poll()  # one for each call: threads may not share one
        if self._descriptor is not None:
            room.register(self._descriptor, select.POLLOUT)
        while sent < len(data) and self._descriptor is not None:
            # A pipe with any room at all takes PIPE_BUF bytes at once (pipe(7)); and the pipe
            # must not be made non-blocking, since it is not ours alone.
            if not room.poll(0):
                return sent, len(data)
            sent += os.write(self._descriptor, data[sent : sent + select.PIPE_BUF])
        return len(data), len(data)


class Log:
    """Lines of a log that no request waits for: what cannot be written now is lost.

    ``tell`` says so to the user once when that begins, and how many they were when it is over.
    """

    def __init__(self, output: Output, tell: Callable[[str], object]) -> None:
        self._output = output
        self._tell = tell
        self._torn = False  # only the beginning of the last line was written
        self._lost = 0

    def write(self, line: str) -> None:
        try:
            written, size = self._output.offer("\n" + line if self._torn else line)
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if written < size:
            self._torn = self._torn or written > 0
            self._lose("nobody reads it")
            return
        self._torn = False
        if self._lost:
            lost, self._lost = self._lost, 0
            self._tell(f"{lost} lines of the log were lost")

    def _lose(self, reason: str) -> None:
        self._lost += 1
        if self._lost == 1:
            self._tell(f"the log cannot be written: {reason}")

    def flush(self) -> None:
        """Nothing is kept back. A `logging.StreamHandler` asks for it."""


def say(sentence: str, who: str = "reactor: ") -> None:
    """One sentence for the user, on stderr; if he has closed that too, to nobody."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"{who}{shown(sentence)}", file=sys.stderr)
