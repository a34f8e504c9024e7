"""Where ``reactor serve`` listens: the options, what they come to, and what is said of it.

Names are gunicorn's (``-b``) and uvicorn's (``--uds``, ``--fd``) where they have one.
"""

from __future__ import annotations

import argparse
from typing import Any

from reactor.cli.environment import port_of_environment
from reactor.cli.numbers import whole
from reactor.cli.output import Log, say, shown
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS
from reactor.net.address import (
    Bind,
    Descriptor,
    Inet,
    Unix,
    bound_address,
    is_loopback,
    parse_bind,
    parse_port,
    url_of,
)
from reactor.net.passed import passed_descriptors
from reactor.parser._digits import parse_digits
from reactor.server.redirects import redirects

HOST, PORT = "127.0.0.1", 8000


def add_addresses(parser: Any) -> None:
    parser.add_argument("--host", help=f"the address to listen on; default: {HOST}")
    parser.add_argument(
        "-p", "--port", type=_port, help=f"default: $PORT, or {PORT}; 0 picks a free one"
    )
    parser.add_argument(
        "-b",
        "--bind",
        "--listen",
        action="append",
        type=_bind,
        default=[],
        metavar="ADDRESS",
        help="HOST, HOST:PORT, [IPV6]:PORT, *:PORT (IPv4 and IPv6), unix:PATH, unix:@NAME, "
        "fd:NUMBER or fd:NAME, instead of --host and --port; repeatable. Behind it ,tls or "
        ",plain or ,redirect, if there is a certificate (docs/tls.md); ,proxy=v1, v2 or any: each "
        "connection begins with a PROXY header (docs/proxy.md)",
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
    _add_rights(parser)
    parser.add_argument(
        "--backlog",
        type=whole(1, 99_999),
        default=DEFAULT_LIMITS.backlog,
        help="connections that may wait to be accepted; default: %(default)s",
    )


def _add_rights(parser: Any) -> None:
    parser.add_argument(
        "--uds-mode",
        type=_mode,
        metavar="MODE",
        help="the rights of a Unix socket's file, as chmod has them; default: 0600",
    )
    parser.add_argument("--uds-group", metavar="GROUP", help="the group of a Unix socket's file")
    parser.add_argument(
        "--uds-allow-uid",
        action="append",
        type=_user,
        default=[],
        metavar="USER",
        help="who may connect to unix:@NAME, which has no file and no rights, besides root and the "
        "server's own user: a name or a number; repeatable",
    )


def binds_of(options: argparse.Namespace) -> list[Bind]:
    """Where to listen.

    Raises:
        WrongUsage: options that do not go together.
    """
    from reactor.cli.target import WrongUsage

    others = [name for name in ("host", "port") if getattr(options, name) is not None]
    hosts = [bind for bind in options.bind if isinstance(bind, str)]
    if options.bind and others and not (hosts and others == ["port"]):
        named = " and ".join(f"--{name}" for name in others)
        raise WrongUsage(f"--bind is instead of --host and --port: leave out {named}")
    passed = passed_descriptors()
    if options.bind:
        port = _default_port(options, said=False) if hosts else 0
        binds = [
            _with_rights(parse_bind(f"{bind}:{port}") if isinstance(bind, str) else bind, options)
            for bind in options.bind
        ]
    elif passed and not others:
        if any(isinstance(bind.address, Descriptor) for bind in options.tls_redirect):
            raise WrongUsage(
                "--tls-redirect fd:N takes one of those that are passed: say by "
                "--bind fd:N which are for https"
            )
        binds = [Bind(Descriptor(str(number))) for number in passed]
    else:
        port = _default_port(options, said=options.host is None)
        binds = [Bind(Inet((HOST if options.host is None else options.host).strip("[]"), port))]
    rights = options.uds_mode is not None or options.uds_group is not None
    if rights and not any(isinstance(bind.address, Unix) for bind in binds):
        raise WrongUsage("--uds-mode and --uds-group are for --bind unix:PATH: there is none")
    uids = tuple(options.uds_allow_uid)
    if uids and not any(map(_may_be_abstract, binds)):
        raise WrongUsage("--uds-allow-uid is for --bind unix:@NAME: there is none")
    binds = [bind.replace(uids=uids) for bind in binds]
    binds += options.tls_redirect
    return binds


def _may_be_abstract(bind: Bind) -> bool:
    address = bind.address
    return isinstance(address, Descriptor) or (isinstance(address, Unix) and address.abstract)


def _default_port(options: argparse.Namespace, said: bool) -> int:
    """The port where none stands beside the host; ``said``: that PORT opens no other host."""
    if options.port is not None:
        return int(options.port)
    port = port_of_environment()
    if port is None:
        return PORT
    if said:
        say(f"PORT={port}, on {HOST} only: for clients of other machines add --host 0.0.0.0")
    return port


def _with_rights(bind: Bind, options: argparse.Namespace) -> Bind:
    address = bind.address
    if not isinstance(address, Unix):
        return bind
    mode = address.mode if options.uds_mode is None else options.uds_mode
    return bind.replace(address=address.replace(mode=mode, group=options.uds_group))


def announce(log: Log, target: str, server: Any) -> None:
    log.write(announcement(target, server) + "\n")
    warn_of_others(server.sockets)


def announcement(target: str, server: Any) -> str:
    urls = ", ".join(server.urls)
    plain = [url_of("http", bound_address(sock)) for sock in server.sockets if redirects(sock)]
    if plain:
        urls += f"; {', '.join(plain)} redirects there"
    stops = "Ctrl-C stops"
    if server.body_files is not None and server.body_files.is_in_memory:
        stops += f"; large bodies go to {server.body_files.folder}, which is memory"
    return shown(f"Serving {target} on {urls} ({stops})")


def warn_of_others(sockets: list[Any]) -> None:
    """Whoever is on another machine can connect, perhaps unexpectedly."""
    for sock in sockets:
        if not is_loopback(sock):
            say(
                f"WARNING: {bound_address(sock)} is not a loopback address: "
                "everyone who can reach this machine can reach this server"
            )


def _bind(text: str) -> Bind | str:
    """A host alone stays a text: its port is known when all options are."""
    text = text.removeprefix("tcp://").removeprefix("http://").rstrip("/")
    if text.isascii() and text.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is a port: write :{text}, or --port {text}")
    alone = bool(text) and "," not in text and ":" not in text.rpartition("]")[2]
    try:
        bind = parse_bind(f"{text}:0" if alone else text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text if alone else bind


def _user(text: str) -> int:
    number = parse_digits(text, 10)  # a user's number has 32 bits
    if number is not None:
        return number
    import pwd

    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError as error:
        raise argparse.ArgumentTypeError(f"there is no user {text!r}") from error


def _port(text: str) -> int:
    try:
        return parse_port(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _mode(text: str) -> int:
    if not text or len(text) > 4 or set(text) - set("01234567") or int(text, 8) > 0o777:
        raise argparse.ArgumentTypeError(
            f"{text!r:.40} is no mode: write three octal digits, as 660"
        )
    return int(text, 8)
