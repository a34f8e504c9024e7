"""`Reactor`: the loop with the wire attached. This is the class that users import."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.net._connection import Connection
from reactor.net.address import Address, Bind, Descriptor
from reactor.net.connector import Connector, ConnectTo, addresses_of
from reactor.net.listening import listen_sockets
from reactor.process.interrupts import is_from_a_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from selectors import BaseSelector
    from typing import Any

    from reactor.net._listener import ConnectionKind, Listener


class Reactor(Loop):
    """A single-threaded event loop that listens, connects and carries protocols.

        reactor = Reactor()
        reactor.listen(Inet("127.0.0.1", 7000), Echo)
        reactor.run()

    Arguments and all other methods are `reactor.loop.Loop`'s.
    """

    def __init__(
        self,
        selector: BaseSelector | None = None,
        clock: Callable[[], float] | None = None,
        read_bytes: int = DEFAULT_LIMITS.read_bytes_max,
    ) -> None:
        super().__init__(selector, clock, read_bytes)
        self._listeners: list[Listener] = []
        self._connected: set[Connection] = set()

    def listen(
        self,
        address: Bind | Address | Descriptor,
        factory: Callable[[], Any],
        limits: Limits = DEFAULT_LIMITS,
    ) -> Listener:
        """Serve ``factory()`` to everyone who connects.

        Raises:
            ConfigurationError: the address cannot be listened on; the message says why.
        """
        return self.serve(listen_sockets(address, limits.backlog), factory, limits)

    def serve(
        self,
        sockets: Sequence[socket.socket],
        factory: Callable[[], Any],
        limits: Limits = DEFAULT_LIMITS,
        tls: ConnectionKind | None = None,
        counted: bool = True,
    ) -> Listener:
        """`listen` on sockets that listen already; the listener owns them. ``tls``: by TLS;
        ``counted``: in `slot`, if there is one."""
        from reactor.net._listener import Listener  # a client needs none

        for sock in sockets:
            sock.setblocking(False)  # it is asked for more until nobody waits
        listener = Listener(self, sockets, factory, limits, tls, counted)
        self._listeners.append(listener)
        return listener

    def connect(
        self,
        addresses: Address | list[ConnectTo],
        factory: Callable[[], Any],
        on_error: Callable[[OSError], object],
        limits: Limits = DEFAULT_LIMITS,
    ) -> Connector:
        """Connect ``factory()`` to the first of ``addresses`` that answers (RFC 8305).

        ``addresses`` is what `listen` takes, or pairs of a family and what that family's
        ``socket.connect`` takes. A host's name is looked up here, which blocks: in a loop that
        has anything else to do, give numeric addresses (`reactor.client` looks names up elsewhere).

        ``on_error`` gets the last error when none did.
        """
        if not callable(factory) or not callable(on_error):
            raise TypeError("a factory and what is told of an error are callable")

        def on_connected(sock: socket.socket, peer: Any) -> None:
            closed = self._connected.discard
            try:
                connection = Connection(self, sock, factory(), peer, limits, closed)
                connection.open()
            except BaseException as error:
                if is_from_a_signal(error):
                    raise
                # No protocol was made, or the selector has no room for it.
                sock.close()
                if isinstance(error, OSError):
                    on_error(error)
                else:
                    self.report(error, f"making a protocol with {factory!r}")
                return
            self._connected.add(connection)

        if isinstance(addresses, Address):
            addresses = addresses_of(addresses)
        return Connector(self, addresses, on_connected, on_error, limits)

    def close(self) -> None:
        """Abort every connection, stop every listener, release everything. Idempotent.

        What a handler raises meanwhile comes out at the end, when all is released.
        """
        if self.in_turn:
            raise RuntimeError("stop the loop before it is closed")
        # The last first, and each of them whatever the others raise.
        with ExitStack() as ending:
            ending.callback(super().close)
            if not self.closed:
                ending.callback(self.run_once, 0)  # connection_lost is told before the end
                for connection in self._connected:
                    ending.callback(connection.abort)
                for listener in self._listeners:
                    ending.callback(listener.abort)
