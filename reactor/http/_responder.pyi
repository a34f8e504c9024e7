from typing_extensions import disjoint_base

from reactor._protocol import Transport
from reactor.http._sides import Sides

@disjoint_base
class Responder(Sides):
    """Answers the requests of one connection; `ServerMachine` reads them."""

    @property
    def transport(self) -> Transport | None: ...
