"""What a server asks of a connection."""

from typing_extensions import disjoint_base

from reactor.net._timed import TimedEndpoint

@disjoint_base
class ServedEndpoint(TimedEndpoint):
    """What `Connection` is made of; alone it is never open."""

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, as the protocol's ``is_idle()`` says, if it has one."""

    @property
    def gives_way(self) -> bool:
        """Whether it may be closed for another: it is idle, or only lingers for long enough."""

    @property
    def waits_since(self) -> float:
        """When its deadline was set: who is closed for others is closed in this order."""

    @property
    def under_way(self) -> bool:
        """Whether a stop should wait for it: it is not idle, or has not sent all."""

    def finish(self, grace_s: float = 0) -> None:
        """End after what is under way: the protocol's ``finish()``, if it has one, decides; if it
        has none, the connection is closed after so many seconds."""

    def end_stream(self) -> None:
        """End what may end anywhere: the protocol's ``end_stream()``, if it has one, does it."""
