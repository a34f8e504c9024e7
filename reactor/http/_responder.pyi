from typing_extensions import disjoint_base

from reactor._protocol import Protocol, Transport
from reactor.http.states import State

@disjoint_base
class Responder(Protocol):
    """Answers the requests of one connection; `ServerMachine` reads them."""

    @property
    def transport(self) -> Transport | None: ...
    @property
    def reading(self) -> State: ...
    @property
    def writing(self) -> State: ...
