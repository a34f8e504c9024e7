"""``reactor serve [TARGET]``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import reactor
from reactor.cli.numbers import seconds, whole
from reactor.cli.output import Log, Output, say, shown
from reactor.errors import ConfigurationError, ShutdownError, StartupError
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log.output import unwaiting
from reactor.loop._insist import exit_within
from reactor.net.address import (
    Address,
    CannotListenError,
    Inet,
    bound_address,
    is_loopback,
    parse_bind,
)

# The table is in docs/stop.md.
FAILED = 1
WRONG_USAGE = 2
CANNOT_START = 3
HOST, PORT = "127.0.0.1", 8000
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve a folder, an application or a TCP protocol",
        description="Serve TARGET until Ctrl-C or SIGTERM. The first one lets the responses "
        "under way finish, the second one ends at once.",
    )
    parser.add_argument(
        "target",
        nargs="?",
        default=".",
        metavar="TARGET",
        help="a folder, or MODULE:NAME of a handler (request -> Response, async or not), a WSGI or "
        "ASGI application, or a class with asyncio.Protocol's methods; default: this folder",
    )
    _add_addresses(parser)
    parser.add_argument(
        "--model",
        choices=("reactor", "threads"),
        default="reactor",
        help="threads: a thread for each connection, for applications that block (a database, "
        "another server), which stop everybody in the other; default: %(default)s",
    )
    parser.add_argument(
        "--log-level",
        choices=LOG_LEVELS,
        default="info",
        help="the least that the log on stderr says; default: %(default)s",
    )
    parser.add_argument(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a line on stdout for each request; default: yes",
    )
    parser.add_argument("--version", action="version", version=f"reactor {reactor.__version__}")
    _add_application_options(parser.add_argument_group("applications"))
    _add_folder_options(parser.add_argument_group("folders"))
    _add_limits(parser.add_argument_group("limits (reasons in reactor/limits.py)"))
    parser.set_defaults(run=run)


def _add_addresses(parser: Any) -> None:
    parser.add_argument("--host", help=f"the address to listen on; default: {HOST}")
    parser.add_argument("--port", type=_port, help=f"default: {PORT}; 0 picks a free one")
    parser.add_argument(
        "--bind",
        action="append",
        type=_bind,
        default=[],
        metavar="ADDRESS",
        help="HOST:PORT, [IPV6]:PORT or unix:PATH, instead of --host and --port; repeatable",
    )
    parser.add_argument(
        "--backlog",
        type=whole(1, 99_999),
        default=DEFAULT_LIMITS.backlog,
        help="connections that may wait to be accepted; default: %(default)s",
    )


def _add_application_options(group: Any) -> None:
    group.add_argument(
        "--interface",
        choices=("auto", "native", "wsgi", "asgi", "tcp"),
        default="auto",
        help="what TARGET is, if its shape does not tell; default: %(default)s",
    )
    group.add_argument(
        "--factory", action="store_true", help="TARGET makes the application, without an argument"
    )
    group.add_argument(
        "--loop",
        choices=("auto", "reactor", "asyncio"),
        default="auto",
        help="asyncio: a TCP protocol, too, gets asyncio's running loop; auto: only what is "
        "asynchronous; default: %(default)s",
    )
    group.add_argument(
        "--lifespan",
        choices=("auto", "on", "off"),
        default="auto",
        help="whether an ASGI application is told of the server's start and stop; auto: if it "
        "takes part; default: %(default)s",
    )
    group.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="where an ASGI application is mounted: put in front of each path",
    )


def _add_folder_options(group: Any) -> None:
    group.add_argument(
        "--index",
        action="append",
        metavar="NAME",
        help="the file that answers for its folder; repeatable; default: index.html",
    )
    group.add_argument(
        "--listing",
        action=argparse.BooleanOptionalAction,
        help="whether a folder without such a file shows its entries; default: yes",
    )
    group.add_argument(
        "--spa", action="store_true", default=None, help="missing paths get the root's index file"
    )
    group.add_argument(
        "--cors", action="store_true", default=None, help="scripts of any site may read the answers"
    )
    group.add_argument(
        "--header",
        action="append",
        type=_header,
        dest="headers",
        metavar="NAME:VALUE",
        help="add a field to every answer, errors included; repeatable",
    )


# The conventional flag, the field of Limits, what it bounds.
LIMIT_FLAGS = [
    ("--limit-request-line", "request_line_bytes_max", "bytes of a request line (414)"),
    ("--limit-request-fields", "field_count_max", "header fields of a request (431)"),
    ("--limit-request-field-size", "field_bytes_max", "bytes of one header field (431)"),
    (
        "--limit-request-body",
        "body_bytes_max",
        "bytes of a body that an application gets (413); without it, what an ASGI application "
        "takes as it comes has no bound",
    ),
    (
        "--limit-body-memory",
        "body_memory_max",
        "bytes of all bodies together; over it they wait (503), and one alone is too long (413)",
    ),
    ("--limit-concurrency", "connections_max", "connections; idle ones make room, others wait"),
]
TIMEOUT_FLAGS = [
    ("--timeout-header", "header_timeout_s", "from a head's first byte to its last (408)"),
    ("--timeout-body", "body_timeout_s", "without a byte of a body (408)"),
    ("--timeout-write", "write_timeout_s", "of a client that takes nothing"),
    ("--timeout-keep-alive", "keep_alive_timeout_s", "between two requests"),
    ("--timeout-graceful-shutdown", "graceful_timeout_s", "for responses under way at a stop"),
]


def _add_limits(group: Any) -> None:
    number = whole(1, 999_999_999_999)
    for flags, kind, metavar in ((LIMIT_FLAGS, number, "N"), (TIMEOUT_FLAGS, seconds, "SECONDS")):
        for flag, field, what in flags:
            default = getattr(DEFAULT_LIMITS, field)
            group.add_argument(
                flag,
                type=kind,
                # None: it was not given, which is another thing for what is streamed.
                default=None if field == "body_bytes_max" else default,
                dest=field,
                metavar=metavar,
                help=f"{what}; default: {default:g}"
                if kind is seconds
                else f"{what}; default: {default}",
            )


def run(options: argparse.Namespace) -> int:
    from reactor.cli.target import ApplicationFailed, WrongUsage, load
    from reactor.server import Server

    # A reader that has stopped reading stops neither log's server: it only misses lines. Nor does
    # what an application writes there, by wsgi.errors, a handler of its own or print.
    sys.stderr = unwaiting(sys.stderr)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        # A terminal that is closed ends nothing. Not SIG_IGN, which child processes would inherit.
        signal.signal(signal.SIGHUP, lambda number, frame: None)
    log = Log(Output(sys.stdout), tell=say)
    limits = _limits_of(options)
    try:
        bind = _addresses(options)
        app = load(options, limits)
        server = Server(
            app,
            bind=bind,
            model=options.model,
            loop=options.loop,
            limits=limits,
            access_log=log.write if options.access_log else None,
        )
    except WrongUsage as error:
        say(f"{error} (see reactor serve --help)")
        return WRONG_USAGE
    except CannotListenError as error:
        option = "bind" if options.bind else error.choose
        say(f"{error} with --{option}" if error.choose else str(error))
        return CANNOT_START
    except ConfigurationError as error:
        say(str(error))
        return CANNOT_START
    except ApplicationFailed:
        return CANNOT_START
    try:
        with _logging(options.log_level.upper()):
            insisted = server.run(lambda sockets: _announce(log, options.target, server))
    except (StartupError, ShutdownError) as error:
        say(str(error))
        return CANNOT_START if isinstance(error, StartupError) else FAILED
    if insisted is None:
        return 0
    # Nobody waits for what an application does at the end of the process either.
    code = 128 + insisted
    exit_within(limits.insist_timeout_s, code)
    return code


def _limits_of(options: argparse.Namespace) -> Limits:
    fields = [field for _, field, _ in LIMIT_FLAGS + TIMEOUT_FLAGS]
    values = {"backlog": options.backlog, **{f: getattr(options, f) for f in fields}}
    if options.body_bytes_max is None:
        del values["body_bytes_max"]
    else:
        values["streamed_bytes_max"] = options.body_bytes_max
    return DEFAULT_LIMITS.replace(**values)


@contextmanager
def _logging(level: str) -> Iterator[None]:
    """Show what the logger ``reactor`` and those below it say, on stderr.

    The root logger is the application's. So is this one, if it has given it a handler when it was
    imported; and what it has disabled without naming it (``disable_existing_loggers``) is not.
    """
    logger = logging.getLogger("reactor")
    if logger.handlers:
        yield
        return
    # A reader that has stopped reading stops no server: it only misses lines.
    handler = logging.StreamHandler(Log(Output(sys.stderr), tell=lambda sentence: None))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = logger.level, logger.propagate, logger.disabled
    logger.addHandler(handler)
    logger.level, logger.propagate, logger.disabled = logging.NOTSET, False, False
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate, logger.disabled = before


def _announce(log: Log, target: str, server: Any) -> None:
    urls = ", ".join(server.urls)
    log.write(shown(f"Serving {target} on {urls} (Ctrl-C stops)") + "\n")
    for sock in server.sockets:
        if not is_loopback(sock):
            say(
                f"WARNING: {bound_address(sock)} is not a loopback address: "
                "everyone who can reach this machine can reach this server"
            )


def _addresses(options: argparse.Namespace) -> list[Address]:
    """Where to listen."""
    from reactor.cli.target import WrongUsage

    if not options.bind:
        port = PORT if options.port is None else options.port
        return [Inet((HOST if options.host is None else options.host).strip("[]"), port)]
    others = [name for name in ("host", "port") if getattr(options, name) is not None]
    if others:
        named = " and ".join(f"--{name}" for name in others)
        raise WrongUsage(f"--bind is instead of --host and --port: leave out {named}")
    addresses: list[Address] = options.bind
    return addresses


def _bind(text: str) -> Address:
    try:
        return parse_bind(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(text: str) -> int:
    address = _bind(f":{text}")
    return address.port if isinstance(address, Inet) else 0


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r:.80}: write NAME:VALUE")
    return name.strip(), value.strip()
