"""The options of `serve` that are about workers: how many, and when one is replaced."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from reactor.cli.numbers import seconds, seconds_or_0, whole
from reactor.cli.reload_options import reloads
from reactor.limits import MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.server.workers.policy import Policies

# More than any machine has cores; each of them is a process of some ten MiB.
WORKERS_MAX = 512
AUTO = "auto"
_VARIABLE = "WEB_CONCURRENCY"
TIMEOUT_S = 30.0  # gunicorn's


def add_workers(group: Any) -> None:
    group.add_argument(
        *("-w", "--workers", "--process-num"),
        type=_count,
        metavar="N",
        help="how many processes serve; auto: as many as the processors that this process may use; "
        "default: $WEB_CONCURRENCY, or 1",
    )
    group.add_argument(
        "--supervise",
        action="store_true",
        help="a supervisor for one worker too: SIGHUP loads the application anew, and a worker "
        "that dies is replaced",
    )
    group.add_argument(
        "--no-preload",
        action="store_false",
        dest="preload",
        help="each worker imports the application for itself, instead of once for all",
    )
    _add_replacements(group)


def _add_replacements(group: Any) -> None:
    group.add_argument(
        *("-t", "--timeout"),
        type=seconds_or_0,
        metavar="SECONDS",
        help="a worker whose loop is held up for longer shows where, and is replaced; 0: never; "
        "not with --model threads; default: 30",
    )
    group.add_argument(
        *("--max-requests", "--limit-max-requests"),
        type=whole(1, 999_999_999_999),
        metavar="N",
        help="a worker that has answered so many is replaced, one after another",
    )
    group.add_argument(
        *("--max-requests-jitter", "--limit-max-requests-jitter"),
        type=whole(0, 999_999_999_999),
        default=0,
        metavar="N",
        help="up to so many more, each worker another number; default: 0",
    )
    group.add_argument(
        *("--max-worker-memory", "--workers-max-rss"),
        type=whole(1, 999_999_999),
        metavar="MIB",
        help="a worker that holds more of its own, looked at every 10 s, three times in a row, is "
        "replaced",
    )
    group.add_argument(
        "--timeout-worker-start",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="for an import, and for a worker until it serves; default: 120",
    )


def workers_of(options: argparse.Namespace) -> int:
    """How many workers serve.

    Raises:
        WrongUsage: the environment asks for no number of them.
    """
    from reactor.cli.target import WrongUsage

    asked = options.workers
    if asked is None and os.environ.get(_VARIABLE):
        try:
            asked = _count(os.environ[_VARIABLE])
        except argparse.ArgumentTypeError as error:
            raise WrongUsage(f"{_VARIABLE} in the environment: {error}") from error
    if asked == AUTO:
        from reactor.server.workers.cgroups import processors

        asked = min(WORKERS_MAX, processors())
    return int(asked or 1)


def is_supervised(options: argparse.Namespace, workers: int) -> bool:
    """Raises WrongUsage: it would be, and this system cannot."""
    from reactor.cli.target import WrongUsage

    asks = (options.timeout, options.max_requests, options.max_worker_memory)
    asked = options.supervise or reloads(options) or any(one is not None for one in asks)
    if workers == 1 and not asked:
        return False
    if sys.platform != "linux":
        raise WrongUsage(
            "workers need Linux: leave out --workers, --reload, and what says when one ends"
        )
    return True


def policies_of(options: argparse.Namespace, workers: int) -> Policies:
    from reactor.server.workers.policy import Policies

    return Policies(
        workers=workers,
        timeout_s=(TIMEOUT_S if options.timeout is None else options.timeout) or None,
        requests_max=options.max_requests,
        requests_jitter=options.max_requests_jitter,
        memory_max=None if options.max_worker_memory is None else options.max_worker_memory * MIB,
        start_timeout_s=options.timeout_worker_start,
        preload=options.preload,
        waits_for_change=reloads(options),
    )


def _count(text: str) -> int | str:
    return AUTO if text == AUTO else whole(1, WORKERS_MAX)(text)
