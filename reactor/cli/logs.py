"""Where ``reactor serve`` writes its two logs, and how they look: the options, and what is made of
them.

The access log has a line for each request; the other one, the logger ``reactor``, everything else.
Files are opened before the process gives up its rights, and again at SIGUSR1 and SIGHUP.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from reactor.cli.numbers import seconds, whole
from reactor.cli.output import Log, Output, say
from reactor.errors import ConfigurationError
from reactor.log import settle
from reactor.log.files import LogFile
from reactor.log.formatting import formatter_of, wants_colours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.process._page import Slot
    from reactor.server.access_log import AccessLogOptions
    from reactor.server.workers.worker import Channel

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
ACCESS_LOGGER = "reactor.access"


def add_logs(group: Any) -> None:
    group.add_argument(
        "--log-level",
        choices=LOG_LEVELS,
        default="info",
        help="the least that the log on stderr says; default: %(default)s",
    )
    group.add_argument(
        "--error-logfile",
        "--log-file",
        default="-",
        metavar="FILE",
        help="where the log goes; -: stderr, which is the default",
    )
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="json: each event of the log is an object on a line; default: %(default)s",
    )
    group.add_argument(
        "--slow-request",
        type=seconds,
        default=0.0,
        dest="slow_request_s",
        metavar="SECONDS",
        help="a line of the log, with the stack, for a request that the application has not begun "
        "to answer by then; default: none",
    )
    group.add_argument(
        "--use-colors",
        action=argparse.BooleanOptionalAction,
        help="the log's levels in colours; default: on a terminal, unless NO_COLOR is set",
    )
    group.add_argument(
        "--log-config",
        metavar="FILE",
        help="configure Python's logging from FILE: .json and .toml for dictConfig, else an ini "
        "for fileConfig; the loggers are reactor and reactor.access",
    )
    _add_access_log(group)


def _add_access_log(group: Any) -> None:
    group.add_argument(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a line for each request; default: yes",
    )
    group.add_argument(
        "--access-logfile",
        default="-",
        metavar="FILE",
        help="where these lines go; -: stdout, which is the default. A file is opened again at "
        "SIGUSR1 and SIGHUP, and by itself when it was moved",
    )
    group.add_argument(
        "--access-log-format",
        "--access-logformat",
        "--access-log-fmt",
        type=_format,
        default="combined",
        metavar="FORMAT",
        help="combined, common, json, logfmt, or atoms as Apache and gunicorn have them "
        "(%%h %%r %%s, %%(h)s); default: combined",
    )
    group.add_argument(
        "--access-log-sample",
        type=whole(1, 1_000_000),
        default=1,
        metavar="N",
        help="a line for one of N requests, and for all that were refused, failed or broken off; "
        "default: 1",
    )


class Logs:
    """Both logs of a server, open while its block runs.

    Attributes:
        stdout: for the first line, and the access log if it has no file.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.stdout = Log(Output(sys.stdout), tell=say)
        self._files: list[LogFile] = []
        self._stderr: Log | None = None
        self._before: Any = None
        self._worker: int | None = None
        # Whether --log-config has given the two loggers a handler. What it says nothing of is ours.
        self._configured = self._access_configured = False
        self._slot: Slot | None = None

    def __enter__(self) -> Self:
        options = self._options
        # First: whoever rotates logs must not end a server that has none.
        self._before = signal.getsignal(signal.SIGUSR1)
        self._hear()
        try:
            self._access: Log | LogFile = self._opened(options.access_logfile) or self.stdout
            self._errors: Log | LogFile | None = self._opened(options.error_logfile)
            if options.log_config is not None:
                configure(options.log_config)
                self._configured = logging.getLogger("reactor").hasHandlers()
                self._access_configured = logging.getLogger(ACCESS_LOGGER).hasHandlers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def open(self) -> Log | LogFile:
        """What `logging` shows goes there. To be called before there is a supervisor, whose
        workers have nothing that is opened later."""
        # A reader that has stopped reading stops no server: it only misses lines.
        if self._errors is None:
            self._errors = self._stderr = Log(Output(sys.stderr), tell=None)
            self._errors.count(self._count)
        return self._errors

    def _hear(self) -> None:
        with suppress(ValueError):  # only the main thread may
            signal.signal(signal.SIGUSR1, lambda number, frame: self.reopen())

    def of_worker(self, channel: Channel, options: argparse.Namespace) -> None:
        """From here on this is a worker, and a copy of another process whose files may have been
        moved since, and whose options may have been read again."""
        self._options = options
        self._hear()
        self.reopen()
        self._worker = channel.number
        self.count_in(channel.slot)

    def count_in(self, slot: Slot) -> None:
        """Say there how many lines are lost."""
        self._slot = slot
        for log in (self._access, self._errors):
            if log is not None:
                log.count(self._count)

    def _count(self, lost: int) -> None:
        if self._slot is not None:
            self._slot["log_lost"] += lost

    def __exit__(self, *error: object) -> None:
        with suppress(ValueError, TypeError):  # TypeError: it was somebody's in C
            signal.signal(signal.SIGUSR1, self._before)
        for log in (*self._files, self.stdout, self._stderr):
            if log is not None:
                log.close()

    def _opened(self, path: str) -> LogFile | None:
        if path == "-":
            return None
        file = LogFile(path, tell=say)
        for other in self._files:
            if os.path.sameopenfile(file.fileno(), other.fileno()):
                file.close()
                return other  # both logs in one
        self._files.append(file)
        options = self._options
        if options.user is not None or options.group is not None:
            from reactor.server.privileges import identity_of

            identity = identity_of(options.user, options.group)
            file.give_to(identity.uid, identity.gid)
        return file

    @property
    def lines_lost(self) -> int:
        """How many lines of both could not be written so far."""
        return sum(log.lines_lost for log in {self._access, self._errors} if log is not None)

    def reopen(self) -> None:
        """Go on in the files that the paths lead to now. For a handler of signals, too."""
        for file in self._files:
            file.reopen()

    @property
    def access(self) -> AccessLogOptions | None:
        """What the server is to do with its access log. To be asked when the application is
        loaded: it may have given the logger ``reactor.access`` a handler."""
        from reactor.server.access_log import AccessLogOptions

        options = self._options
        if not options.access_log:
            return None
        look = {
            "format": options.access_log_format,
            "sample": options.access_log_sample,
            "worker": self._worker,
        }
        of_users = self._access_configured or logging.getLogger(ACCESS_LOGGER).handlers
        if of_users and options.access_logfile == "-":
            return AccessLogOptions(to_logger, **look)
        to = self._access
        return AccessLogOptions(to.write_lines, descriptor=to.descriptor, **look)

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Show what the logger ``reactor`` and those below it say.

        The root logger is the application's. So is this one, if it has given it a handler when it
        was imported; and what it has disabled without naming it (``disable_existing_loggers``) is
        not.
        """
        logger = logging.getLogger("reactor")
        if logger.handlers or self._configured:
            yield
            return
        handler = logging.StreamHandler(self.open())
        colours = self._options.use_colors
        if colours is None:
            colours = self._options.error_logfile == "-" and wants_colours(sys.stderr)
        handler.setFormatter(formatter_of(self._options.log_format, colours))
        # Lines of requests are for the handlers of their own logger.
        handler.addFilter(lambda record: record.name != ACCESS_LOGGER)
        before = logger.level, logger.propagate, logger.disabled
        logger.addHandler(handler)
        logger.level, logger.propagate, logger.disabled = logging.NOTSET, False, False
        logger.setLevel(self._options.log_level.upper())
        try:
            yield
        finally:
            settle()
            logger.removeHandler(handler)
            logger.level, logger.propagate, logger.disabled = before


def to_logger(lines: bytes) -> None:
    """Each line is a record of the logger ``reactor.access``."""
    logger = logging.getLogger(ACCESS_LOGGER)
    if logger.isEnabledFor(logging.INFO):
        for line in lines.decode("ascii").splitlines():
            logger.info(line)


def configure(path: str) -> None:
    """Python's logging, as a file says.

    Raises:
        ConfigurationError: the file cannot be read, or is no such configuration.
    """
    import logging.config

    try:
        if path.endswith(".json"):
            with open(path, "rb") as file:
                _configure_by(json.load(file))
        elif path.endswith(".toml"):
            import tomllib

            with open(path, "rb") as file:
                _configure_by(tomllib.load(file))
        elif path.endswith((".yaml", ".yml")):
            raise ValueError("YAML is not read: write it as .json or .toml")
        else:
            with open(path, encoding="utf-8") as text:
                logging.config.fileConfig(text, disable_existing_loggers=False)
    except OSError as error:
        raise ConfigurationError(f"--log-config {path}: {error.strerror or error}") from error
    except Exception as error:  # whatever a handler's class raises, too
        raise ConfigurationError(f"--log-config {path}: {error}") from error


def _configure_by(settings: dict[str, Any]) -> None:
    import logging.config

    # By Python's default each logger that is there and not named is disabled: a file for the access
    # log alone would keep every traceback to itself.
    logging.config.dictConfig({"disable_existing_loggers": False, **settings})


def _format(text: str) -> str:
    from reactor.server.access_log_format import line_format

    try:
        line_format(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text
