"""The access log: one line for each request, when its exchange has ended.

How a line looks is in `access_log_format.py` and `_line_formats.pyx`; where lines go is its
maker's to say. Beside it the journal says what was refused, and what an application has raised.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from reactor._value import Value
from reactor.errors import RemoteProtocolError
from reactor.http._counting import AnswerCounts
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import log, report
from reactor.log.rate import RateLimit
from reactor.server._access_lines import AccessLines
from reactor.server.access_log_format import escape, host_of, line_format
from reactor.server.slow import SlowRequests

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

    ``slow`` watches for slow requests, if the limits ask for that.

    ``refusals`` counts the connections that ended by the peer's fault, by the rule, limit or
    time-out that it broke (`ProtocolError.code`); so does ``counts``, for others to see.
    """

    counts: AnswerCounts | None = None

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
        self.slow = SlowRequests(limits.slow_request_s) if limits.slow_request_s else None
        self._rate = RateLimit(limits.refusal_lines_per_second_max, _say_rest)

    def wait_for(self, at_turn_end: Callable[[Callable[[], object]], object]) -> None:
        """Lines may wait for the end of a turn of the loop, and then leave together."""
        if not self._each_at_once:
            super().wait_for(at_turn_end)

    def refused(self, peer: Any, error: RemoteProtocolError) -> None:
        self.refusals[error.code] += 1
        if self.counts is not None:
            self.counts.refused(error.code)
        level = logging.DEBUG if error.code in _USUAL else logging.INFO
        if logger.isEnabledFor(level) and self._rate.allows(error.code, error.code):
            host = host_of(peer)
            fields = {
                "network.peer.address": host,
                "reason": error.code,
                "http.response.status_code": error.status,
                "offset": error.offset,
            }
            kind = f"refused %s: %d {error.code}: %s"  # a kind for each reason
            log(level, kind, host, error.status, error, fields=fields)

    def settle(self) -> None:
        """At the end: say what had no line."""
        self.flush()
        self._rate.settle()

    def failed(self, exception: BaseException, doing: str) -> None:
        report(exception, escape(doing))


def _say_rest(count: int, reason: str) -> None:
    log(logging.INFO, "refused %d more without a line each: %s", count, reason)
