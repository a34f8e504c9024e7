"""Options of ``reactor serve`` about whom it believes, and for which hosts it answers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from reactor.errors import ConfigurationError
from reactor.server.edge import FAMILIES, AllowedHosts, EdgePolicy, TrustedProxies


def add_edge(group: Any) -> None:
    group.add_argument(
        "--trusted-proxy",
        "--forwarded-allow-ips",
        action="append",
        type=_proxies,
        default=[],
        metavar="NETWORKS",
        help="believe these proxies what they say of a client: addresses and networks with commas "
        "between them, unix, or * for whoever connects; repeatable; default: nobody",
    )
    group.add_argument(
        "--forwarded",
        choices=FAMILIES,
        default=FAMILIES[0],
        help="by which fields they say it: X-Forwarded-For, -Proto and -Host, or Forwarded "
        "(RFC 7239); default: %(default)s",
    )
    group.add_argument(
        "--allowed-host",
        "--allowed-hosts",
        action="append",
        type=_hosts,
        metavar="HOSTS",
        help="answer requests for these hosts, others get 421: names, *.NAME, addresses, * for "
        "any; repeatable; default: any, but on loopback only this machine's own",
    )


def edge_policy(options: argparse.Namespace) -> EdgePolicy:
    hosts = options.allowed_host
    return EdgePolicy(
        tuple(text for texts in options.trusted_proxy for text in texts),
        options.forwarded,
        None if hosts is None else tuple(text for texts in hosts for text in texts),
    )


def _proxies(text: str) -> list[str]:
    return _listed(text, TrustedProxies)


def _hosts(text: str) -> list[str]:
    # "*" is any, which the policy says and no list of hosts.
    return _listed(text, lambda names: AllowedHosts(name for name in names if name != "*"))


def _listed(text: str, check: Callable[[list[str]], object]) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        check(parts)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return parts
