from typing_extensions import disjoint_base

from reactor._protocol import Transport
from reactor.http._sides import Sides

@disjoint_base
class Sender(Sides):
    """Writes to its transport, and counts what the kernel takes."""

    @property
    def transport(self) -> Transport | None: ...
    def cut_off(self) -> None:
        """Log what is under way, in the place of a thread that may never come back from a call of
        this machine's: to its transport, or to the application. What it says later is not logged.
        """
