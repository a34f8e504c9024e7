"""Words out: what others chose is shown so that it can neither end a line nor drive a terminal.

Lines go to the descriptor itself. Through `sys.stdout`, a line that could not be
written (its reader has gone, the disk is full) would stay in a buffer and fail
again when the process ends.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def shown(text: str) -> str:
    r"""``text`` with everything that is not printable escaped.

    >>> print(shown("café\x1b[31m\n"))
    café\x1b[31m\n
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class Output:
    """Writes whole lines to stdout. Nothing happens if the process was started without one."""

    def __init__(self) -> None:
        stream = sys.stdout
        # Without stdout, descriptor 1 may be anybody's: a socket, a file that is served.
        self._descriptor = None if stream is None else stream.fileno()
        self._encoding = "utf-8" if stream is None else stream.encoding

    def write(self, lines: str) -> None:
        """Raises OSError: BrokenPipeError if nobody reads any more."""
        data = lines.encode(self._encoding, "backslashreplace")
        while data and self._descriptor is not None:
            data = data[os.write(self._descriptor, data) :]


class Log:
    """Lines of a log that nothing depends on: what cannot be written is lost, and said once."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._failed = False

    def write(self, line: str) -> None:
        try:
            self._output.write(line)
            self._failed = False
        except OSError as error:
            if not self._failed:
                self._failed = True
                say(f"the log cannot be written: {error.strerror}")


def say(sentence: str, who: str = "reactor: ") -> None:
    """One sentence for the user, on stderr; if he has closed that too, to nobody."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"{who}{shown(sentence)}", file=sys.stderr)
