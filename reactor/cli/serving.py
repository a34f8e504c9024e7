"""What each process that serves is made of: limits, a `Server`, its log, and its exit code.

For `reactor serve` alone, and for its workers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reactor.cli.edge_options import edge_policy
from reactor.cli.observing import metrics_of
from reactor.cli.output import say
from reactor.cli.reload_options import hurried
from reactor.cli.websockets import websocket_limits, websocket_options
from reactor.errors import ConfigurationError, ShutdownError
from reactor.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from reactor.cli.logs import Logs
    from reactor.server import Server
    from reactor.server.status.observed import Observed
    from reactor.server.workers.worker import Channel

# The table is in docs/stop.md.
FAILED = 1
WRONG_USAGE = 2
CANNOT_START = 3

# The conventional flags, the field of Limits, what it bounds.
LIMIT_FLAGS = [
    (
        "--limit-request-line",
        "request_line_bytes_max",
        "bytes of a request line, with its CRLF (414)",
    ),
    ("--limit-request-fields", "field_count_max", "header fields of a request (431)"),
    (
        "--limit-request-field-size --limit-request-field_size",
        "field_bytes_max",
        "bytes of one header field, with its CRLF (431)",
    ),
    (
        "--limit-request-body",
        "body_bytes_max",
        "bytes of a body that an application gets (413); without it, what an ASGI application "
        "takes as it comes has no bound",
    ),
    (
        "--limit-body-memory",
        "body_memory_max",
        "bytes of all bodies of up to 512 KiB together, in memory; over it they wait (503)",
    ),
    (
        "--limit-body-files",
        "body_files_bytes_max",
        "bytes of all longer ones together, which are in files; over it they wait (503), and one "
        "alone is too long (413). 0: no files, all are in memory",
    ),
    (
        "--limit-concurrency --worker-connections",
        "connections_max",
        "connections; idle and silent ones make room, others wait",
    ),
]
TIMEOUT_FLAGS = [
    ("--timeout-header", "header_timeout_s", "from a head's first byte to its last (408)"),
    ("--timeout-body", "body_timeout_s", "without a byte of a body (408)"),
    (
        "--timeout-write",
        "write_timeout_s",
        "of a client that takes nothing; one that took much may pause for four",
    ),
    ("--timeout-keep-alive --keep-alive", "keep_alive_timeout_s", "between two requests"),
    (
        "--timeout-graceful-shutdown --graceful-timeout",
        "graceful_timeout_s",
        "for responses under way at a stop",
    ),
    (
        "--drain-delay",
        "drain_delay_s",
        "before a stop by SIGTERM begins: new clients are still served, answers say close, and "
        "/readyz says 503",
    ),
]


def explained(body: Callable[[], int], tell: Callable[[str], object] | None = None) -> int:
    """What ``body`` returns; or what it raises is said, and the exit code for that. ``tell`` gets
    the sentence in the place of the user at the command line."""
    from reactor.cli.target import ApplicationFailed, WrongUsage

    try:
        return body()
    except WrongUsage as error:
        if tell is None:
            say(f"{error} (see reactor serve --help)")
        else:
            tell(str(error))
        return WRONG_USAGE
    except ConfigurationError as error:
        (tell or say)(str(error))
        return CANNOT_START
    except ShutdownError as error:
        say(str(error))
        return FAILED
    except ApplicationFailed:
        return CANNOT_START


def make_server(
    options: argparse.Namespace,
    app: Any,
    where: list[Any],
    tls: Any,
    logs: Logs,
    channel: Channel | None = None,
    observed: Observed | None = None,
) -> Server:
    from reactor.cli.target import load_folders
    from reactor.server import Server

    return Server(
        app,
        bind=where,
        model=options.model,
        loop=options.loop,
        limits=limits_of(options),
        access_log=logs.access,
        body_dir=options.body_dir,
        websockets=websocket_options(options),
        tls=tls,
        static=load_folders(options),
        edge=edge_policy(options),
        channel=channel,
        metrics=metrics_of(options) if channel is None else observed,
    )


def limits_of(options: argparse.Namespace) -> Limits:
    fields = [field for _, field, _ in LIMIT_FLAGS + TIMEOUT_FLAGS]
    fields += ["backlog", "tls_reload_s", "slow_request_s"]
    values = {field: getattr(options, field) for field in fields}
    if options.body_bytes_max is None:
        del values["body_bytes_max"]
    else:
        values["streamed_bytes_max"] = options.body_bytes_max
    return hurried(options, DEFAULT_LIMITS.replace(**values, **websocket_limits(options)))
