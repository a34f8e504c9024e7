"""Options of ``reactor serve`` for those who look at what it does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from reactor.cli.output import say
from reactor.errors import ConfigurationError
from reactor.net.address import parse_bind
from reactor.server.status.addresses import DEFAULT_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Sequence


def add_observing(group: Any) -> None:
    group.add_argument(
        "--metrics",
        nargs="?",
        const=DEFAULT_ADDRESS,
        type=_address,
        metavar="ADDRESS",
        help="count what is served, and say it there: /metrics for Prometheus, /status for people, "
        f"/healthz and /readyz; without ADDRESS {DEFAULT_ADDRESS}; default: no metrics",
    )


def metrics_of(options: argparse.Namespace) -> str | None:
    """Where, if anywhere."""
    if options.metrics is not None and options.model == "threads":
        from reactor.cli.target import WrongUsage

        raise WrongUsage("--metrics are what one loop counts and says: leave out --model threads")
    where: str | None = options.metrics
    return where


def say_where(urls: Sequence[str]) -> None:
    for url in urls:
        say(f"metrics and status on {url}")


def _address(text: str) -> str:
    if text.isascii() and text.isdigit():
        text = f"127.0.0.1:{text}"
    try:
        bind = parse_bind(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(
            f"{error}; TARGET stands before --metrics, or write --metrics={DEFAULT_ADDRESS}"
        ) from error
    if bind.tls or bind.proxy or bind.redirect:
        raise argparse.ArgumentTypeError(f"{text!r:.80}: metrics are plain HTTP/1.1, and no more")
    return text
