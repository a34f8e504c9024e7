import socket
from collections.abc import Callable
from typing import Any, BinaryIO

from typing_extensions import disjoint_base

from reactor.limits import Limits
from reactor.loop import Loop
from reactor.net._endpoint import Endpoint

@disjoint_base
class Connection(Endpoint):
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
    def deadline(self) -> float:
        """The loop's time of the deadline that the protocol has set; infinity for none."""

    def finish(self) -> None:
        """End after what is under way: the protocol's ``finish()``, if it has one, decides."""

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None: ...
