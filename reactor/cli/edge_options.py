"""Options of ``reactor serve`` about whom it believes, and for which hosts it answers."""

from __future__ import annotations

import argparse
from typing import Any

from reactor.server.edge import FAMILIES, EdgePolicy


def add_edge(group: Any) -> None:
    group.add_argument(
        "--trusted-proxy",
        "--forwarded-allow-ips",
        action="append",
        type=_listed,
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
        type=_listed,
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


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
