"""What this package says to the log.

A log's handlers and filters are the user's code, and what they are called for may be a malformed
request of anybody's. So what they raise ends nothing: it is said once, on stderr, and the work
goes on.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any

from reactor.errors import advise
from reactor.log.output import offer
from reactor.log.rate import RateLimit
from reactor.process.interrupts import is_from_a_signal

# Of one kind. A handler that always fails writes 2 KB each time: 2 GB a day even so.
LINES_PER_SECOND_MAX = 50
TRACEBACKS_PER_SECOND_MAX = 10

_logger = logging.getLogger("reactor")
_said: list[type[BaseException]] = []  # what the first was that a log has raised


def log(
    level: int,
    message: str,
    *args: object,
    exc_info: BaseException | None = None,
    expected: type[Exception] | tuple[()] = (),
    fields: dict[str, Any] | None = None,
) -> None:
    """A record of the logger "reactor". Raises nothing but a signal's KeyboardInterrupt.

    An ``expected`` failure is not worth a word. ``fields`` are what a program may read of it: the
    record has them in a dict of that name. Of one kind, which is the message before it is
    formatted, or where the exception was raised, there are so many in a second; the others are
    counted.
    """
    try:
        if not _logger.isEnabledFor(level):
            return
        if exc_info is None:
            allowed = _lines.allows(message, message)
        else:
            kind = message, type(exc_info), _place_of(exc_info)
            allowed = _tracebacks.allows(kind, type(exc_info).__name__)
        if allowed:
            extra = None if fields is None else {"fields": fields}
            _logger.log(level, message, *args, exc_info=exc_info, extra=extra)
    except expected:
        pass
    except BaseException as error:
        if is_from_a_signal(error):
            raise
        failed(error)


def settle() -> None:
    """At the end: say how many lines were left out."""
    try:
        _lines.settle()
        _tracebacks.settle()
    except Exception as error:
        failed(error)


def _say_rest(count: int, name: str) -> None:
    _logger.warning("%d more lines like this were left out: %s", count, name)


_lines = RateLimit(LINES_PER_SECOND_MAX, _say_rest)
_tracebacks = RateLimit(TRACEBACKS_PER_SECOND_MAX, _say_rest)


def _place_of(exception: BaseException) -> tuple[str, int]:
    """Where it was raised."""
    where = exception.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    return ("", 0) if where is None else (where.tb_frame.f_code.co_filename, where.tb_lineno)


def report(exception: BaseException, doing: str) -> None:
    """What somebody's code has raised, with its traceback."""
    if isinstance(exception, MemoryError):
        # To format a traceback takes a lot of what there is not, and CPython's own code has been
        # seen to crash for want of it.
        log(logging.ERROR, "no memory while %s", doing)
        return
    advise(exception)
    log(logging.ERROR, "exception while %s", doing, exc_info=exception)


def failed(error: BaseException) -> None:
    """A log has failed, this one or an access log: said once for all that will."""
    if _said:
        return
    _said.append(type(error))
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = ""
    if where is not None:
        code = where.tb_frame.f_code
        place = f" (in {code.co_qualname}, {code.co_filename}:{where.tb_lineno})"
    # repr: a log's error may quote what a client sent, which must neither end a line nor drive a
    # terminal.
    sentence = f"reactor: the log failed, which is said once: {error!r}{place}\n"
    with suppress(Exception):  # no stderr, a closed one, or one of the user's without a descriptor
        offer(sys.stderr.fileno(), sentence.encode(errors="backslashreplace"))
