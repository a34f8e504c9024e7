import socket
from collections.abc import Callable
from typing import Any, BinaryIO

from typing_extensions import disjoint_base

from reactor.limits import Limits
from reactor.loop import Loop
from reactor.net._timed import TimedEndpoint

@disjoint_base
class Connection(TimedEndpoint):
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

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, as the protocol's ``is_idle()`` says, if it has one."""

    @property
    def under_way(self) -> bool:
        """Whether a stop should wait for it: it is not idle, or has not sent all."""

    def finish(self, grace_s: float = 0.0) -> None:
        """End after what is under way: the protocol's ``finish()``, if it has one, decides; if it
        has none, the connection is closed after so many seconds."""

    def end_stream(self) -> None:
        """End what may end anywhere: the protocol's ``end_stream()``, if it has one, does it."""

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None: ...
