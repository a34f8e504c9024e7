"""The access log: one line per request, whatever the client sent.

Lines are in the combined log format that every log reader knows. What a client
chose (target, Referer, User-Agent) is escaped: no byte of it can end the line,
close the quotes, or drive a terminal.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from reactor.errors import RemoteProtocolError
from reactor.http._sent_bytes import AnswerRecord
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import failed, log, report

logger = logging.getLogger("reactor")

# How most connections end. They are counted, and have their line at level debug.
_USUAL = {"silent-timeout", "keep-alive-timeout"}

Write = Callable[[str], object]

_ESCAPES = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0x100), ord('"'), ord("\\"))
}


def escape(text: str) -> str:
    """Printable ASCII only, without a bare quote or backslash.

    >>> print(escape('a"b\\x1b[31m'))
    a\\x22b\\x1b[31m
    """
    return text.translate(_ESCAPES).encode("ascii", "backslashreplace").decode("ascii")


class AccessLog:
    """The journal of a server's machines; ``write`` gets whole lines, None for no access log.

    ``refusals`` counts the connections that ended by the peer's fault, by the rule, limit or
    time-out that it broke (`ProtocolError.code`).
    """

    def __init__(self, write: Write | None, limits: Limits = DEFAULT_LIMITS) -> None:
        self._write = write
        self.refusals: Counter[str] = Counter()
        self.wants_answers = write is not None
        self._second = -1
        self._stamp = ""
        self._lines_max = limits.refusal_lines_per_second_max
        self._lines_second = self._lines = 0

    def answered(self, peer: Any, record: AnswerRecord) -> None:
        if self._write is None:
            return
        try:
            self._write(self._line(peer, record))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failed(error)

    def _line(self, peer: Any, record: AnswerRecord) -> str:
        line, proxy = "-", ""
        request = record.request
        referer = agent = None
        if request is not None:
            peer, arrival = request.client, request.arrival
            if arrival is not None and arrival.peer is not None:
                # Behind the fields of the combined format, as nginx does it with X-Forwarded-For.
                proxy = f' "{host_of(arrival.peer)}"'
            version = f"HTTP/1.{request.version - 10}"
            line = f"{escape(request.method)} {escape(request.target)} {version}"
            referer = request.headers.get("referer")
            agent = request.headers.get("user-agent")
        return (
            f'{host_of(peer)} - - [{self._now()}] "{line}" {record.status} {record.body_bytes} '
            f'"{escape(referer or "-")}" "{escape(agent or "-")}"{proxy}\n'
        )

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
        if second != self._lines_second:
            if self._lines > self._lines_max:
                more = self._lines - self._lines_max
                log(logging.INFO, "refused %d more without a line each", more)
            self._lines_second, self._lines = second, 0
        self._lines += 1
        return self._lines <= self._lines_max

    def _now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
        return self._stamp


def host_of(peer: Any) -> str:
    """The address of a peer, without its port; ``-`` for a Unix socket's nameless one."""
    return str(peer[0]) if isinstance(peer, tuple) else "-"
