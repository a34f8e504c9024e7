"""The sockets of a server that only redirect to where it speaks TLS.

They stand in the one list of its sockets, so that limits, drain, rights and descriptors that are
handed on are the same; what differs is who answers there.

Must never know: what a redirect says.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from reactor.apps.redirect import HTTPS_PORT, RedirectToHttps
from reactor.errors import ConfigurationError
from reactor.net.address import is_secured


def redirects(sock: socket.socket) -> bool:
    return bool(getattr(sock, "redirects", False))


def set_up_redirects(
    app: Any, sockets: Sequence[Any], tls: bool, make: Callable[[RedirectToHttps], Any]
) -> list[Any]:
    """Give those that redirect a factory of their own, which ``make`` makes; the factories.

    Raises:
        ConfigurationError: there is nothing that could be redirected to.
    """
    redirecting = [sock for sock in sockets if redirects(sock)]
    if not redirecting:
        return []
    if not tls:
        raise ConfigurationError("a bind redirects to https but there is no certificate")
    secured = [sock for sock in sockets if is_secured(sock)]
    if not secured:
        raise ConfigurationError("a bind redirects to https but no other one speaks TLS")
    if isinstance(app, type):
        raise ConfigurationError("a bind redirects to https, but a TCP protocol is no http")
    # Behind a proxy that reaches it by a Unix socket it has the usual port.
    ports = [sock.getsockname()[1] for sock in secured if sock.family != socket.AF_UNIX]
    factory = make(RedirectToHttps(ports[0] if ports else HTTPS_PORT))
    for sock in redirecting:
        sock.factory = factory
    return [factory]


def factories_of(factory: Any, sockets: Sequence[Any]) -> list[Any]:
    """All that make the protocols of a server, its own first."""
    own = (getattr(sock, "factory", None) for sock in sockets)
    return list(dict.fromkeys([factory, *filter(None, own)]))
