"""The access log: one line for each request, when its exchange has ended.

How a line looks is in `access_log_format.py` and `_access_lines.pyx`; where lines go is its
maker's to say. Beside it the journal says what was refused, and what an application has raised.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from reactor._value import Value
from reactor.errors import RemoteProtocolError
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import log, report
from reactor.server._access_lines import AccessLines
from reactor.server.access_log_format import escape, host_of, line_format

logger = logging.getLogger("reactor")

# How most connections end. They are counted, and have their line at level debug.
_USUAL = {"silent-timeout", "keep-alive-timeout"}

Write = Callable[[str], object]


class AccessLogOptions(Value):
    """Where the lines of an access log go, and how they look.

    Attributes:
        write: gets lines as bytes: all of a turn of the loop at once.
        format: "combined", "common", "json", "logfmt", or atoms (docs/observe.md).
        sample: one of so many requests has a line; what was refused, failed or broken off has one
            in any case.
        worker: its number; None: there is one process.
        descriptor: of a file that lines are written to from C; ``write`` is then called as
            `AccessLines` says.
    """

    write: Callable[..., object]
    format: str = "combined"
    sample: int = 1
    worker: int | None = None
    descriptor: int = -1


class AccessLog(AccessLines):
    """The journal of a server's machines.

    ``to`` is None for no access log; a function gets each line, a text, as soon as there is one.

    ``refusals`` counts the connections that ended by the peer's fault, by the rule, limit or
    time-out that it broke (`ProtocolError.code`).
    """

    def __init__(
        self, to: Write | AccessLogOptions | None, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.refusals: Counter[str] = Counter()
        self.wants_answers = to is not None
        self._each_at_once = not isinstance(to, AccessLogOptions)
        if isinstance(to, AccessLogOptions):
            form = line_format(to.format, to.worker)
            super().__init__(form, to.write, to.sample, to.descriptor)
        elif to is not None:
            write = to
            super().__init__(line_format("combined"), lambda line: write(line.decode("ascii")))
        self._said_max = limits.refusal_lines_per_second_max
        self._second = -1
        self._said = 0

    def wait_for(self, at_turn_end: Callable[[Callable[[], object]], object]) -> None:
        """Lines may wait for the end of a turn of the loop, and then leave together."""
        if not self._each_at_once:
            super().wait_for(at_turn_end)

    def refused(self, peer: Any, error: RemoteProtocolError) -> None:
        self.refusals[error.code] += 1
        level = logging.DEBUG if error.code in _USUAL else logging.INFO
        if logger.isEnabledFor(level) and self._may_say_so():
            log(level, "refused %s: %d %s: %s", host_of(peer), error.status, error.code, error)

    def failed(self, exception: BaseException, doing: str) -> None:
        report(exception, escape(doing))

    def _may_say_so(self) -> bool:
        """Whether there is a line left in this second: refused clients must not fill the disk."""
        second = int(time.monotonic())
        if second != self._second:
            if self._said > self._said_max:
                more = self._said - self._said_max
                log(logging.INFO, "refused %d more without a line each", more)
            self._second, self._said = second, 0
        self._said += 1
        return self._said <= self._said_max
