"""Listening sockets and the connections that came through them.

A listener owns both: it makes a protocol for each connection, keeps new clients
waiting in the backlog when there are enough, and ends everything, gracefully or
not.
"""

from __future__ import annotations

import heapq
import logging
import math
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from reactor._protocol import Protocol
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.net._connection import Connection
from reactor.net._socket import Socket
from reactor.net.acceptor import Acceptor
from reactor.net.address import Address, bound_address

logger = logging.getLogger("reactor")

ProtocolFactory = Callable[[], Protocol]


class Listener:
    """Serves ``factory()`` to everyone who connects to one of ``sockets``, which it owns."""

    def __init__(
        self,
        loop: Loop,
        sockets: list[socket.socket],
        factory: ProtocolFactory,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._loop = loop
        self._factory = factory
        self._limits = limits
        self._connections: set[Connection] = set()
        self._connections_max = connections_max(limits)
        self._on_empty: Callable[[], object] | None = None
        self._on_closed = self._closed  # one bound method for all connections
        self._going: set[Connection] = set()
        self._short = False  # of places or descriptors: some acceptor waits
        self._told_at = -math.inf
        self.shed = 0
        """How many idle connections were closed to make room for new ones."""
        self._acceptors = [
            Acceptor(loop, sock, self._accepted, self._make_room, limits) for sock in sockets
        ]

    @property
    def addresses(self) -> list[Address]:
        """The bound addresses; a port that was asked for as 0 is a real one here."""
        return [bound_address(acceptor.sock) for acceptor in self._acceptors]

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def close(self) -> None:
        """Stop listening; the connections go on. Idempotent."""
        for acceptor in self._acceptors:
            acceptor.close()

    def finish(self, on_empty: Callable[[], object]) -> None:
        """Stop listening and let each connection end: by its protocol's ``finish()`` if it
        has one, else by `Connection.close`. ``on_empty()`` is called when none is left."""
        self.close()
        self._on_empty = on_empty
        for connection in list(self._connections):
            connection.finish()
        if not self._connections:
            on_empty()

    def abort(self) -> None:
        """Stop listening and end every connection now. Idempotent."""
        self.close()
        for connection in list(self._connections):
            connection.abort()

    def _accepted(self, sock: Socket, peer: Any) -> None:
        try:
            protocol = self._factory()
        except Exception as exception:
            self._loop.report(exception, f"making a protocol with {self._factory!r}")
            sock.close()
            return
        connection = Connection(self._loop, sock, protocol, peer, self._limits, self._on_closed)
        self._connections.add(connection)
        if len(self._connections) == self._connections_max:
            for acceptor in self._acceptors:
                acceptor.full = True
        connection.open()

    def _closed(self, connection: Connection) -> None:
        if self._short or len(self._connections) == self._connections_max:
            self._short = False
            for acceptor in self._acceptors:
                acceptor.has_room()
        self._connections.discard(connection)
        self._going.discard(connection)
        if not self._connections and self._on_empty is not None:
            self._on_empty()

    def _make_room(self) -> bool:
        """Close connections that are idle, those first that have been it the longest."""
        self._short = True
        if self._going:
            return True
        self._say_if_full()
        idle = (connection for connection in self._connections if connection.idle)
        self._going = set(
            heapq.nsmallest(self._limits.accepts_per_turn_max, idle, key=lambda one: one.deadline)
        )
        self.shed += len(self._going)
        for connection in self._going:
            # Nothing is under way that a reset could destroy, and to linger would take its time.
            connection.close(linger=False)
        return bool(self._going)

    def _say_if_full(self) -> None:
        now = self._loop.time()
        full = len(self._connections) == self._connections_max
        if full and now - self._told_at > self._limits.full_warning_s:
            self._told_at = now
            logger.warning(
                "%d connections are the limit: idle ones are closed, new clients wait",
                self._connections_max,
            )


def connections_max(limits: Limits) -> int:
    """As many as the limits allow and the process has descriptors for.

    Raises the process's soft limit of descriptors as far as that takes, and is allowed.
    """
    try:
        import resource  # Unix has it; elsewhere the limits alone hold
    except ImportError:
        return limits.connections_max
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    wanted = limits.connections_max + limits.reserved_descriptors
    if soft != infinite and soft < wanted:
        with suppress(OSError, ValueError):
            raised = wanted if hard == infinite else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    if soft == infinite:
        return limits.connections_max
    # A process with few descriptors keeps no more of them back than it gives away.
    free = max(soft - limits.reserved_descriptors, soft // 2)
    return max(1, min(limits.connections_max, free))
