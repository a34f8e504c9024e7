"""Whose process ``reactor serve`` is: the options, and a server that is root by mistake."""

from __future__ import annotations

import argparse
import os
import socket
from typing import Any

from reactor.cli.output import say
from reactor.errors import ConfigurationError
from reactor.net.address import bound_address, is_loopback
from reactor.net.listening import ListeningSocket, check_distinct, listen_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.net.address import Bind
    from reactor.server.tls import Contexts, TlsOptions


def add_identity(group: Any) -> None:
    group.add_argument(
        "-u", "--user", metavar="USER", help="become this user when the sockets are bound and the "
        "keys read, before the application is loaded, and never root again",
    )  # fmt: skip
    group.add_argument("-g", "--group", metavar="GROUP", help="this group; default: the user's own")
    group.add_argument(
        "--allow-root",
        action="store_true",
        help="serve other machines as root: who finds a fault in the application is root then",
    )


def drop_rights(
    options: argparse.Namespace, binds: list[Bind], tls: TlsOptions | None
) -> tuple[list[Any], Any]:
    """(binds, tls) for the server. With --user the sockets are bound and the keys are read now,
    and then this process is somebody else."""
    if options.user is None and options.group is None:
        return list(binds), tls
    return open_all(options, binds, tls)


def open_all(
    options: argparse.Namespace, binds: list[Bind], tls: TlsOptions | None
) -> tuple[list[Any], Any]:
    """(sockets, contexts): bound, read, and then this process is who it shall be."""
    from reactor.server.privileges import become, identity_of

    identity = None
    if options.user is not None or options.group is not None:
        identity = identity_of(options.user, options.group)
    sockets: list[ListeningSocket] = []
    try:
        for bind in binds:
            sockets += listen_sockets(bind, options.backlog)
        check_distinct(sockets)
        contexts = None if tls is None else _read(tls)
        if identity is not None:
            become(identity)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return list(sockets), contexts


def _read(tls: TlsOptions) -> Contexts:
    from reactor.server.tls import Contexts

    return Contexts(tls)


def check_root(options: argparse.Namespace, sockets: list[socket.socket]) -> None:
    """Raises ConfigurationError: it is root, and serves other machines."""
    if os.geteuid() != 0 or options.allow_root:
        return
    beyond = [sock for sock in sockets if not is_loopback(sock)]
    if beyond:
        raise ConfigurationError(
            f"{bound_address(beyond[0])} is not served by root: a fault of the application would "
            "make everybody root. Add --user NAME, or --allow-root"
        )
    say("WARNING: this server is root: --user NAME makes it somebody with fewer rights")
