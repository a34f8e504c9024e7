"""The connections to one origin: some in use, some idle, and who waits for one."""

from typing import Protocol

from typing_extensions import disjoint_base

from reactor.client.opening import Opening, Way
from reactor.client.shared import Shared
from reactor.errors import FetchError
from reactor.http._client import ClientMachine
from reactor.limits import Limits

class _Waiter(Protocol):
    """Who wants a connection."""

    @property
    def timings(self) -> dict[str, float]: ...
    @property
    def url(self) -> str: ...
    def begin_on(self, machine: PooledMachine) -> object: ...
    def not_connected(self, error: FetchError) -> object: ...

class _Keeper(Shared, Protocol):
    """Who owns the pools."""

    def now_idle(self, machine: PooledMachine) -> None: ...
    def no_longer_idle(self, machine: PooledMachine) -> None: ...
    def forget(self, way: Way) -> None: ...

@disjoint_base
class PooledMachine(ClientMachine):
    """A connection that tells its pool when it is free, and when it is no more."""

    opening: Opening | None

    def __init__(self, limits: Limits, pool: Pool) -> None: ...
    @property
    def served(self) -> int:
        """Responses that came whole."""

@disjoint_base
class Pool:
    """All connections by one way."""

    def __init__(self, client: _Keeper, way: Way) -> None: ...
    def submit(self, transfer: _Waiter, fresh: bool = False) -> None:
        """``transfer.begin_on(machine)``, now or when there is one; ``fresh``: on a new one."""

    def withdraw(self, transfer: _Waiter) -> None:
        """It wants no connection any more."""

    def close(self) -> None:
        """Nobody who waits gets a connection any more."""
