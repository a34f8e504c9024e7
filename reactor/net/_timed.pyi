"""How long a connection waits."""

from typing import Any

from typing_extensions import disjoint_base

from reactor.net._endpoint import Endpoint

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

def charged(paid: float, read: float, least: float, pauses_max: int) -> float:
    """What a peer has paid for its time-outs, after one more: ``least`` bytes each.

    The peer may pause while it has read more than that. For later it can save no more than
    ``pauses_max`` time-outs cost.
    """

@disjoint_base
class TimedEndpoint(Endpoint):
    """What `Connection` is made of; alone it is never open."""

    @property
    def deadline(self) -> float:
        """The loop's time of the deadline that the protocol has set; infinity for none."""
