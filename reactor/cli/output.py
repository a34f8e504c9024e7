"""Words out: what others chose is shown so that it can neither end a line nor drive a terminal.

Lines go to the descriptor itself. Through `sys.stdout`, a line that could not be
written (its reader has gone, the disk is full) would stay in a buffer and fail
again when the process ends.
"""

from __future__ import annotations

import os
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
        data = self.encoded(lines)
        while data and self._descriptor is not None:
            data = data[os.write(self._descriptor, data) :]

    def encoded(self, lines: str) -> bytes:
        return lines.encode(self._encoding, "backslashreplace")

    def fileno(self) -> int | None:
        """The descriptor; None if the process was started without it."""
        return self._descriptor


class Log:
    """Lines of a log that no request waits for: what cannot be written now is lost.

    ``tell`` says so to the user once when that begins, and how many they were when it is over;
    None: the log itself says the latter.
    """

    def __init__(self, output: Output, tell: Callable[[str], object] | None) -> None:
        from reactor.log.output import Loss, is_file, unblocking  # `get` keeps no log

        descriptor = output.fileno()
        self._file = descriptor is not None and is_file(descriptor)
        self._own = None if descriptor is None else unblocking(descriptor)
        self._output = output
        self._loss = Loss(
            began=lambda reason: tell and tell(f"the log cannot be written: {reason}"),
            over=self._say_over,
        )
        self._tell = tell

    def _say_over(self, lost: int) -> None:
        sentence = f"{lost} lines of the log were lost"
        if self._tell is None:
            self.write(f"reactor: {sentence}\n")
        else:
            self._tell(sentence)

    @property
    def lines_lost(self) -> int:
        return self._loss.lines

    def count(self, lost: Callable[[int], object]) -> None:
        """Call it with how many lines are lost, each time."""
        self._loss.count = lost

    def write(self, line: str) -> None:
        self.write_lines(self._output.encoded(line))

    @property
    def descriptor(self) -> int:
        """Of the file that it is; -1: it is none."""
        return (self._output.fileno() or 0) if self._file else -1

    def write_lines(self, lines: bytes, written: int = 0) -> bool:
        """Whole ones, of which so many bytes are written; whether all are now."""
        own = self._own
        return own is None or self._loss.offer(own, lines, self._file, written)

    def close(self) -> None:
        """Idempotent. What it was made of stays open."""
        own, self._own = self._own, None
        if own is not None and own != self._output.fileno():
            os.close(own)

    def reopen(self) -> None:
        """What has no path stays what it is."""

    def flush(self) -> None:
        """Nothing is kept back. A `logging.StreamHandler` asks for it."""


def say(sentence: str, who: str = "reactor: ") -> None:
    """One sentence for the user, on stderr; if he has closed that too, to nobody."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"{who}{shown(sentence)}", file=sys.stderr)
