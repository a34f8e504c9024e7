"""Where ``reactor serve`` listens: the options, what they come to, and what is said of it.

Names are gunicorn's (``-b``) and uvicorn's (``--uds``, ``--fd``) where they have one.
"""

from __future__ import annotations

import argparse
from typing import Any

from reactor.cli.numbers import whole
from reactor.cli.output import Log, say, shown
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS
from reactor.net.address import Bind, Descriptor, Inet, Unix, bound_address, is_loopback, parse_bind
from reactor.net.passed import passed_descriptors

HOST, PORT = "127.0.0.1", 8000


def add_addresses(parser: Any) -> None:
    parser.add_argument("--host", help=f"the address to listen on; default: {HOST}")
    parser.add_argument("--port", type=_port, help=f"default: {PORT}; 0 picks a free one")
    parser.add_argument(
        "-b",
        "--bind",
        action="append",
        type=_bind,
        default=[],
        metavar="ADDRESS",
        help="HOST:PORT, [IPV6]:PORT, *:PORT (IPv4 and IPv6), unix:PATH, unix:@NAME, fd:NUMBER or "
        "fd:NAME, instead of --host and --port; repeatable",
    )
    parser.add_argument(
        "--uds",
        action="append",
        type=lambda path: _bind(f"unix:{path}"),
        dest="bind",
        metavar="PATH",
        help="as --bind unix:PATH",
    )
    parser.add_argument(
        "--fd",
        action="append",
        type=lambda name: _bind(f"fd:{name}"),
        dest="bind",
        metavar="NUMBER",
        help="as --bind fd:NUMBER",
    )
    parser.add_argument(
        "--uds-mode",
        type=_mode,
        metavar="MODE",
        help="the rights of a Unix socket's file, as chmod has them; default: 0600",
    )
    parser.add_argument("--uds-group", metavar="GROUP", help="the group of a Unix socket's file")
    parser.add_argument(
        "--backlog",
        type=whole(1, 99_999),
        default=DEFAULT_LIMITS.backlog,
        help="connections that may wait to be accepted; default: %(default)s",
    )


def binds_of(options: argparse.Namespace) -> list[Bind]:
    """Where to listen.

    Raises:
        WrongUsage: options that do not go together.
    """
    from reactor.cli.target import WrongUsage

    others = [name for name in ("host", "port") if getattr(options, name) is not None]
    if options.bind and others:
        named = " and ".join(f"--{name}" for name in others)
        raise WrongUsage(f"--bind is instead of --host and --port: leave out {named}")
    passed = passed_descriptors()
    if options.bind:
        binds = [_with_rights(bind, options) for bind in options.bind]
    elif passed and not others:
        binds = [Bind(Descriptor(str(number))) for number in passed]
    else:
        port = PORT if options.port is None else options.port
        binds = [Bind(Inet((HOST if options.host is None else options.host).strip("[]"), port))]
    rights = options.uds_mode is not None or options.uds_group is not None
    if rights and not any(isinstance(bind.address, Unix) for bind in binds):
        raise WrongUsage("--uds-mode and --uds-group are for --bind unix:PATH: there is none")
    return binds


def _with_rights(bind: Bind, options: argparse.Namespace) -> Bind:
    address = bind.address
    if not isinstance(address, Unix):
        return bind
    mode = address.mode if options.uds_mode is None else options.uds_mode
    return bind.replace(address=address.replace(mode=mode, group=options.uds_group))


def announce(log: Log, target: str, server: Any) -> None:
    urls = ", ".join(server.urls)
    stops = "Ctrl-C stops"
    if server.body_files is not None and server.body_files.is_in_memory:
        stops += f"; large bodies go to {server.body_files.folder}, which is memory"
    log.write(shown(f"Serving {target} on {urls} ({stops})") + "\n")
    for sock in server.sockets:
        if not is_loopback(sock):
            say(
                f"WARNING: {bound_address(sock)} is not a loopback address: "
                "everyone who can reach this machine can reach this server"
            )


def _bind(text: str) -> Bind:
    try:
        return parse_bind(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(text: str) -> int:
    address = _bind(f":{text}").address
    return address.port if isinstance(address, Inet) else 0


def _mode(text: str) -> int:
    if not text or len(text) > 4 or set(text) - set("01234567") or int(text, 8) > 0o777:
        raise argparse.ArgumentTypeError(
            f"{text!r:.40} is no mode: write three octal digits, as 660"
        )
    return int(text, 8)
