"""How a line of the log looks: text, with colours on a terminal, or JSON.

A record's ``fields``, if it has some, are what it says besides its message: the peer, the reason,
the offset of a byte. In JSON they are members, with OpenTelemetry's names; in text the message has
them.

Must never know: where a line goes.
"""

from __future__ import annotations

import json
import logging
import os
import time
from typing import TextIO

TEXT = "%(asctime)s %(levelname)s %(message)s"
# SGR, of ECMA-48: dim, green, yellow, red, red and bold.
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def wants_colours(stream: TextIO | None) -> bool:
    """Whether it is a terminal whose user takes colours (https://no-color.org)."""
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def formatter_of(form: str, colours: bool) -> logging.Formatter:
    """Of "text" or "json"."""
    if form == "json":
        return JsonFormatter()
    return Coloured(TEXT) if colours else logging.Formatter(TEXT)


class Coloured(logging.Formatter):
    """The time dim, the level in its colour. The message has none: it is to be read."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        stamp = f"{record.asctime} {record.levelname} "
        colour = _COLOURS.get(record.levelname, "0")
        shown = f"\x1b[2m{record.asctime}\x1b[0m \x1b[{colour}m{record.levelname}\x1b[0m "
        return shown + line.removeprefix(stamp)


class JsonFormatter(logging.Formatter):
    """One object a line, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said = {
            "time": f"{stamp}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            exception = record.exc_info[1]
            said["exception.type"] = type(exception).__qualname__
            said["exception.message"] = str(exception)
            said["exception.stacktrace"] = self.formatException(record.exc_info)
        return json.dumps(said, default=repr)
