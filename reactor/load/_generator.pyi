"""Clients that ask and measure, and the load that says when."""

from collections.abc import Callable, Sequence

from typing_extensions import disjoint_base

from reactor._protocol import Protocol
from reactor.load._answers import Target
from reactor.load._histogram import Histogram
from reactor.loop import Loop

NOBODY: frozenset[int]

@disjoint_base
class Client(Protocol):
    """One connection at a time, with up to ``depth`` requests under way on it."""

    def __init__(self, load: Load, number: int, depth: int) -> None: ...
    @property
    def number(self) -> int: ...
    def overdue(self, before: int) -> None:
        """Give up on the connection if its oldest request left before that time (ns)."""

    def abort(self) -> None:
        """End the connection, if there is one."""

@disjoint_base
class Load:
    """``connections`` clients, and one run after another on them.

    ``opens`` connects a client; an OSError of its becomes ``fault`` and stops the loop. A run ends
    with ``running`` false and the loop stopped.
    """

    def __init__(
        self,
        reactor: Loop,
        targets: list[Target],
        opens: Callable[[Client], object],
        connections: int,
        depth: int,
        one_each: bool,
    ) -> None: ...
    @property
    def clients(self) -> list[Client]: ...
    @property
    def answered(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def missed(self) -> int: ...
    @property
    def waited(self) -> int: ...
    @property
    def unsent(self) -> int: ...
    @property
    def late_ns(self) -> int: ...
    @property
    def under_way(self) -> int: ...
    @property
    def errors(self) -> dict[str, int]: ...
    @property
    def first_error(self) -> str | None: ...
    @property
    def fault(self) -> OSError | None: ...
    @property
    def corrected(self) -> Histogram: ...
    @property
    def raw(self) -> Histogram: ...
    @property
    def running(self) -> bool: ...
    def begin(self) -> None:
        """Forget the last run's counts; a run's clock starts now."""

    def run_closed(
        self, clients: Sequence[Client], requests: int, seconds: float, batch: int
    ) -> None:
        """Start a closed loop; seconds 0: until all requests are answered."""

    def run_open(self, rate: float, requests: int) -> None:
        """Start an open loop of so many requests a second."""

    def expire(self) -> None:
        """Send nothing more; the run ends when all that is under way is answered."""

    def give_up(self) -> None:
        """As `expire`, for a run of so many requests: those that were not sent are ``unsent``."""

    def on_readable(self) -> None: ...
    def on_writable(self) -> None: ...
    def close(self) -> None:
        """End every connection."""
