"""`Reactor`: the loop with the wire attached. This is the class that users import."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.net.acceptor import Acceptor
from reactor.net.address import Address, bound_address, listen_sockets
from reactor.net.connection import Connection
from reactor.net.connector import Connector, ConnectTo
from reactor.net.protocol import Protocol

ProtocolFactory = Callable[[], Protocol]


class Listener:
    """One or more listening sockets that serve the same protocol."""

    def __init__(self, acceptors: list[Acceptor]) -> None:
        self.acceptors = acceptors

    @property
    def addresses(self) -> list[Address]:
        """The bound addresses; a port that was asked for as 0 is a real one here."""
        return [bound_address(acceptor.sock) for acceptor in self.acceptors]

    def close(self) -> None:
        """Stop listening; connections that were accepted go on. Idempotent."""
        for acceptor in self.acceptors:
            acceptor.close()


class Reactor(Loop):
    """A single-threaded event loop that listens, connects and carries protocols.

        reactor = Reactor()
        reactor.listen(Inet("127.0.0.1", 7000), Echo)
        reactor.run()

    Arguments and all other methods are `reactor.loop.Loop`'s.
    """

    def listen(
        self, address: Address, factory: ProtocolFactory, limits: Limits = DEFAULT_LIMITS
    ) -> Listener:
        """Serve ``factory()`` to everyone who connects.

        Raises:
            ConfigurationError: the address cannot be listened on; the message says why.
        """

        def on_accept(sock: socket.socket, peer: Any) -> None:
            Connection(self, sock, self._make(factory), peer, limits).open()

        sockets = listen_sockets(address, limits.backlog)
        return Listener([Acceptor(self, sock, on_accept, limits) for sock in sockets])

    def connect(
        self,
        addresses: list[ConnectTo],
        factory: ProtocolFactory,
        on_error: Callable[[OSError], object],
        limits: Limits = DEFAULT_LIMITS,
    ) -> Connector:
        """Connect ``factory()`` to the first of ``addresses`` that answers (RFC 8305).

        ``on_error`` gets the last error when none did.
        """

        def on_connected(sock: socket.socket, peer: Any) -> None:
            Connection(self, sock, self._make(factory), peer, limits).open()

        return Connector(self, addresses, on_connected, on_error, limits)

    def _make(self, factory: ProtocolFactory) -> Protocol:
        try:
            return factory()
        except Exception as exception:
            self.report(exception, f"making a protocol with {factory!r}")
            return Refusal()


class Refusal(Protocol):
    """Stands in for a protocol that could not be made: it hangs up."""

    def connection_made(self, transport: Any) -> None:
        transport.abort()
