"""What this package says to the log.

A log's handlers and filters are the user's code, and what they are called for may be a malformed
request of anybody's. So what they raise ends nothing: it is said once, on stderr, and the work
goes on.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

from reactor.errors import advise
from reactor.log.output import offer

_logger = logging.getLogger("reactor")
_said: list[type[BaseException]] = []  # what the first was that a log has raised


def log(
    level: int,
    message: str,
    *args: object,
    exc_info: BaseException | None = None,
    expected: type[Exception] | tuple[()] = (),
) -> None:
    """A record of the logger "reactor". Raises nothing but KeyboardInterrupt.

    An ``expected`` failure is not worth a word.
    """
    try:
        _logger.log(level, message, *args, exc_info=exc_info)
    except KeyboardInterrupt:
        raise
    except expected:
        pass
    except BaseException as error:
        failed(error)


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
