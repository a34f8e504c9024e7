from typing import Any

from typing_extensions import disjoint_base

from reactor._protocol import Protocol
from reactor.http.app import Journal
from reactor.limits import Limits

@disjoint_base
class WebSocketContext:
    """What all WebSockets of a server share, or those of a client.

    Args:
        memory: the bound of all bodies together (`ServerContext.bodies`), which messages that
            come in parts count against.
        turns: of all WebSockets of a loop; unless given, they are of this context's.
    """

    deflating: int
    @property
    def limits(self) -> Limits: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def is_client(self) -> bool: ...
    @property
    def turns(self) -> InflateTurns: ...
    def __init__(
        self,
        limits: Limits,
        journal: Journal,
        memory: Any = None,
        is_client: bool = False,
        turns: InflateTurns | None = None,
    ) -> None: ...

@disjoint_base
class InflateTurns:
    """Who may inflate in a turn of the loop, and how much: each a share, some of all."""

    def __init__(self, limits: Limits) -> None: ...
    def turn_began(self) -> float:
        """When the last turn began in which something was read: see `Transport.turn_began`."""

@disjoint_base
class WebSocketSender(Protocol):
    """The half of a `WebSocketMachine` that sends."""
