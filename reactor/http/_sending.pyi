from typing_extensions import disjoint_base

from reactor._protocol import Transport
from reactor.http._sides import Sides

@disjoint_base
class Sender(Sides):
    """Writes to its transport, and counts what the kernel takes."""

    @property
    def transport(self) -> Transport | None: ...
