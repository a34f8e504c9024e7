import socket
from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import disjoint_base

from reactor._protocol import Factory
from reactor.limits import Limits
from reactor.loop import Loop
from reactor.net._owner import ConnectionOwner
from reactor.net.address import Address
from reactor.net.proxied import Refusals

@disjoint_base
class ConnectionKind:
    """Connections that are more than plain; `reactor.net._tls_connection.ServerTls` is one."""

@disjoint_base
class Acceptor:
    """Handler of one listening socket."""

@disjoint_base
class Listener(ConnectionOwner):
    """Serves ``factory()`` to everyone who connects to one of ``sockets``, which it owns.

    ``tls``: so on those of them that are to be (`reactor.net.address.is_secured`). ``counted``: in
    the loop's slot, if it has one.
    """

    def __init__(
        self,
        loop: Loop,
        sockets: Sequence[socket.socket],
        factory: Callable[[], Any] | Factory,
        limits: Limits = ...,
        tls: ConnectionKind | None = None,
        counted: bool = True,
    ) -> None: ...
    @property
    def shed(self) -> int:
        """How many idle connections were closed to make room for new ones."""

    @property
    def limits(self) -> Limits:
        """As given."""

    @property
    def refusals(self) -> Refusals:
        """Who counts, and says, whom it lets go before anything is served."""

    @property
    def addresses(self) -> list[Address]:
        """The bound addresses; a port that was asked for as 0 is a real one here."""

    def __len__(self) -> int:
        """How many connections are open."""

    def close(self) -> None:
        """Stop listening; the connections go on. Idempotent."""

    def finish(self, grace_s: float, on_empty: Callable[[], object]) -> None:
        """Accept all whom the kernel has taken, stop listening, and let each connection end: by its
        protocol's ``finish()`` if it has one, else by `Connection.close` after ``grace_s``.
        ``on_empty()`` is called when none is left, perhaps more than once."""

    def end_streams(self) -> None:
        """Accept nobody any more, and call `Connection.end_stream` of each connection."""

    @property
    def under_way(self) -> int:
        """How many connections have something under way."""

    def abort(self) -> None:
        """Stop listening and end every connection now. Idempotent."""
