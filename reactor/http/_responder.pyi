from typing_extensions import disjoint_base

from reactor._protocol import Protocol, Transport
from reactor.http.states import State
from reactor.parser._message import Response

@disjoint_base
class Responder(Protocol):
    """Answers the requests of one connection; `ServerMachine` reads them."""

    @property
    def transport(self) -> Transport | None: ...
    @property
    def reading(self) -> State: ...
    @property
    def writing(self) -> State: ...
    def begin_push(self, response: Response, data: bytes) -> None:
        """Send the head and ``data`` now, while `App.respond` runs: what this returns is the rest
        of the body then. Not for a response that has none."""

    def push(self, data: bytes) -> None:
        """Send more of that body now."""

    @property
    def unsent(self) -> int:
        """How many bytes the transport still keeps, since the peer takes no more of them."""
