"""Which descriptors are watched, for which events, and until when."""

from typing_extensions import disjoint_base

from reactor.loop._registration import Registration
from reactor.loop.handler import Handler, HasFileno

@disjoint_base
class Registry:
    """What `Loop` is made of; alone it is never open."""

    def register(self, fileobj: int | HasFileno, events: int, handler: Handler) -> Registration:
        """Watch a descriptor for `EVENT_READ`, `EVENT_WRITE`, both or, with 0, nothing yet.

        Raises:
            ValueError: it has no descriptor (any more), or these are no events.
            KeyError: the descriptor is registered already.
        """

    def modify(self, registration: Registration, events: int) -> None:
        """Change the wanted events; 0 takes the descriptor out of the selector meanwhile."""

    def unregister(self, registration: Registration) -> None:
        """Drop the descriptor, its deadline, and every event of it that this turn still holds.
        Idempotent."""
