import socket
from collections.abc import Callable
from typing import Any, BinaryIO

from typing_extensions import disjoint_base

from reactor.limits import Limits
from reactor.loop import Loop
from reactor.net._served import ServedEndpoint

@disjoint_base
class Connection(ServedEndpoint):
    """Carries ``protocol`` over a connected, non-blocking socket, which it owns.

    ``on_closed(connection)`` is called once, after `Protocol.connection_lost`.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        protocol: Any,
        peer: Any,
        limits: Limits = ...,
        on_closed: Callable[[Connection], object] | None = None,
    ) -> None: ...
    def open(self) -> None:
        """Tell the protocol, and begin to read."""

    def shed(self) -> None:
        """End it for another client that waits for its place."""

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None: ...
