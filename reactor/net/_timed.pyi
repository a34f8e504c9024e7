"""How long a connection waits."""

from typing_extensions import disjoint_base

from reactor.net._endpoint import Endpoint

@disjoint_base
class TimedEndpoint(Endpoint):
    """What `Connection` is made of; alone it is never open."""

    @property
    def deadline(self) -> float:
        """The loop's time of the deadline that the protocol has set; infinity for none."""
