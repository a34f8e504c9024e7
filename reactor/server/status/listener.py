"""The listener of ``--metrics``: a small one of its own, on a loop that is there already.

It has its own bound of connections, so that it answers when the server is full, and no slot, so
that it is not counted. Whoever can connect may look: what is beyond loopback is said loudly, and a
browser that asks for another host is refused, as by any server here (DNS rebinding).
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from reactor.errors import ConfigurationError
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachines
from reactor.limits import DEFAULT_LIMITS
from reactor.log import log
from reactor.net import Reactor, listen_sockets
from reactor.net.address import CannotListenError, bound_address, is_loopback
from reactor.server._date import DateField
from reactor.server.access_log import AccessLog
from reactor.server.edge import EdgePolicy, edge_of
from reactor.server.status.app import StatusApp
from reactor.server.status.snapshot import Snapshot

# Prometheus, a health check, some pages: each has one. Beside `Limits.connections_max`, from the
# descriptors that are kept back for what is no connection.
CONNECTIONS_MAX = 16
# An answer takes a turn here, so who says nothing for many of them has no claim: a health check
# waits for nobody. Event streams are no silent ones, and have a bound of their own. A quarter at a
# time: who is shed for others has been there for some turns, so that a request which came with its
# connection is answered. Nobody has a body to send here, so nobody who announces one keeps a place
# until it has come.
LIMITS = DEFAULT_LIMITS.replace(
    connections_max=CONNECTIONS_MAX,
    accepts_per_turn_max=CONNECTIONS_MAX // 4,
    silent_grace_s=0.0,
    linger_timeout_s=0.1,
    linger_time_s=0.1,
)


def metrics_sockets(where: str) -> Sequence[socket.socket]:
    """Sockets that listen there.

    Raises:
        ConfigurationError: the address is none, or cannot be listened on.
    """
    try:
        return listen_sockets(where, LIMITS.backlog)
    except CannotListenError as error:
        raise ConfigurationError(f"--metrics: {error}") from error


class StatusListener:
    """Serves a `StatusApp` on ``sockets``, which are its own from here on."""

    def __init__(
        self, sockets: Sequence[socket.socket], policy: EdgePolicy, snapshot: Callable[[], Snapshot]
    ) -> None:
        self._sockets = sockets
        self._edge = edge_of(policy.replace(trusted=()), sockets)
        self._snapshot = snapshot
        self.urls = [f"http://{bound_address(sock)}/status" for sock in sockets]

    def start(self, loop: Reactor) -> Any:
        """Accept from here on; the listener, which the loop ends with itself."""
        for sock in self._sockets:
            if not is_loopback(sock):
                log(
                    logging.WARNING,
                    "the metrics on %s can be read by everyone who can reach this machine",
                    bound_address(sock),
                )
        app = StatusApp(self._snapshot, loop)
        context = ServerContext(app, LIMITS, DateField(), AccessLog(None))
        if self._edge is not None:
            context.guard(self._edge)
        return loop.serve(self._sockets, ServerMachines(context), LIMITS, counted=False)

    def close(self) -> None:
        """If it was never started."""
        for sock in self._sockets:
            sock.close()
