"""``reactor serve [TARGET]``."""

from __future__ import annotations

import argparse
import logging
import socket
from dataclasses import replace
from typing import Any

import reactor
from reactor.cli.output import Log, Output, say, shown
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS
from reactor.net.address import Address, Inet, bound_address, is_loopback, parse_bind

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve a folder, a handler or a TCP protocol",
        description="Serve TARGET until Ctrl-C or SIGTERM. The first one lets the responses "
        "under way finish, the second one ends at once.",
    )
    parser.add_argument(
        "target",
        nargs="?",
        default=".",
        metavar="TARGET",
        help="a folder (default: this one), or MODULE:NAME of a handler (request -> Response) "
        "or of a class with asyncio.Protocol's methods",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port", type=_port, default=8000, help="default: %(default)s; 0 picks a free one"
    )
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
        type=_count,
        default=DEFAULT_LIMITS.backlog,
        help="connections that may wait to be accepted; default: %(default)s",
    )
    parser.add_argument(
        "--model",
        choices=("reactor", "threads"),
        default="reactor",
        help="threads: one blocking thread per connection, to compare with; default: %(default)s",
    )
    parser.add_argument("--log-level", choices=LOG_LEVELS, default="info")
    parser.add_argument(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a line on stdout for each request; default: yes",
    )
    parser.add_argument("--version", action="version", version=f"reactor {reactor.__version__}")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from reactor.server import serve

    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    log = Log(Output())
    serve(
        options.target,
        bind=options.bind or [Inet(options.host, options.port)],
        model=options.model,
        limits=replace(DEFAULT_LIMITS, backlog=options.backlog),
        access_log=log.write if options.access_log else None,
        on_listening=lambda sockets: _announce(log, options.target, sockets),
    )
    return 0


def _announce(log: Log, target: str, sockets: list[socket.socket]) -> None:
    urls = ", ".join(_url(bound_address(sock)) for sock in sockets)
    log.write(shown(f"Serving {target} on {urls} (Ctrl-C stops)") + "\n")
    for sock in sockets:
        if not is_loopback(sock):
            say(
                f"WARNING: {bound_address(sock)} is not a loopback address: "
                "everyone who can reach this machine can reach this server"
            )


def _url(address: Address) -> str:
    return f"http://{address}/" if isinstance(address, Inet) else str(address)


def _bind(text: str) -> Address:
    try:
        return parse_bind(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(text: str) -> int:
    address = _bind(f":{text}")
    return address.port if isinstance(address, Inet) else 0


def _count(text: str) -> int:
    # The kernel takes a 32-bit number, and bounds it by net.core.somaxconn anyway.
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r:.40} is no number from 1 to 99999")
    return int(text)
