"""How each server is told to write an access log to a file: combined, or what it can of it.

A server that is not here has none. What is written is a line a request with peer, time, request
line and status; nginx, gunicorn, hypercorn and ours add size, Referer and User-Agent, the others
have no words for them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

# granian's atoms; it knows neither size nor fields.
_OF_GRANIAN = '%(addr)s - - [%(time)s] "%(method)s %(path)s %(protocol)s" %(status)d - "-" "-"'
_OF_UVICORN = {
    "()": "uvicorn.logging.AccessFormatter",
    "fmt": '%(client_addr)s - - [%(asctime)s] "%(request_line)s" %(status_code)s - "-" "-"',
    "datefmt": "%d/%b/%Y:%H:%M:%S %z",
    "use_colors": False,
}


@dataclass(frozen=True)
class AccessLog:
    """``words`` of the command line: ``{log}`` is the file, ``{config}`` one for `logging`.

    ``by_stdout``: its lines go to stdout, which is the file.
    """

    words: tuple[str, ...]
    by_stdout: bool = False

    def filled(self, log: Path) -> list[str]:
        config = log.with_suffix(".json")
        if "{config}" in self.words:
            config.write_text(_logging_to(log), encoding="utf-8")
        return [word.format(log=log, config=config) for word in self.words]


def _logging_to(log: Path) -> str:
    return json.dumps(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"combined": _OF_UVICORN},
            "handlers": {
                "file": {
                    "class": "logging.FileHandler",
                    "filename": str(log),
                    "formatter": "combined",
                }
            },
            "loggers": {
                "uvicorn.access": {"handlers": ["file"], "level": "INFO", "propagate": False}
            },
        }
    )


_OURS = AccessLog(("--access-log", "--access-logfile", "{log}"))
_TO_FILE = AccessLog(("--access-logfile", "{log}", "--log-level", "info"))
_GRANIAN = AccessLog(
    ("--access-log", "--log-level", "info", "--access-log-fmt", _OF_GRANIAN), by_stdout=True
)
_IN_ITS_FILE = AccessLog(())  # its configuration says it

ACCESS_LOGS = {
    **dict.fromkeys(
        (
            *("reactor", "threads", "native-reused", "wsgi", "asgi", "static"),
            *("wsgi-threads", "static-threads", "native-json", "native-metrics"),
        ),
        _OURS,
    ),
    **dict.fromkeys(("nginx", "nginx+cache"), _IN_ITS_FILE),
    **dict.fromkeys(("gunicorn", "gunicorn-asgi", "hypercorn"), _TO_FILE),
    **dict.fromkeys(("granian", "granian-asgi"), _GRANIAN),
    "uvicorn": AccessLog(("--access-log", "--log-level", "info", "--log-config", "{config}")),
}
