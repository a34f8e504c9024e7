"""The connections of a client: some in use, some idle, and who waits for one.

    Pools ─> Pool, one for each way ─> Opening ─> PooledMachine

At most so many at a time to one origin. A connection that comes free serves who waits longest; an
idle one is kept for a while, then closed, and sooner if there are too many to all origins together:
then the one goes that has been idle longest. Must never know what is asked for.
"""

from __future__ import annotations

from collections import deque

from reactor.client.opening import Opening
from reactor.http._client import ClientMachine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from reactor._protocol import Transport
    from reactor.client.opening import Route
    from reactor.client.services import ClientServices
    from reactor.errors import FetchError
    from reactor.limits import Limits

    class Waiter(Protocol):
        """A transfer, as a pool sees it: it wants a connection."""

        @property
        def timings(self) -> dict[str, float]: ...
        @property
        def url(self) -> str: ...
        def begin_on(self, machine: PooledMachine) -> object: ...
        def not_connected(self, error: FetchError) -> object: ...


class PooledMachine(ClientMachine):
    """A connection that tells its pool when it is free, and when it is no more."""

    __slots__ = ("_pool", "opening")

    def __init__(self, limits: Limits, pool: Pool) -> None:
        super().__init__(limits)
        self._pool = pool
        self.opening: Opening | None = None

    def connection_made(self, transport: Transport) -> None:
        super().connection_made(transport)
        opening, self.opening = self.opening, None
        if opening is not None:
            opening.opened()

    def freed(self) -> None:
        self._pool.freed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._pool.connection_ended(self)


class Pools:
    """All connections of one client."""

    def __init__(self, client: ClientServices) -> None:
        self.client = client
        self.idle: dict[PooledMachine, None] = {}  # the longest idle one first
        self.by_key: dict[tuple[Any, ...], Pool] = {}

    def of(self, route: Route) -> Pool:
        found = self.by_key.get(route.key)
        if found is None:
            found = self.by_key[route.key] = Pool(self, route)
        return found

    def close(self) -> None:
        """Nobody who waits gets a connection any more, and those that are idle end."""
        for pool in self.by_key.values():
            pool.waiting.clear()
        for machine in list(self.idle):
            machine.cancel()


class Pool:
    """The connections by one way; one without any is forgotten."""

    def __init__(self, pools: Pools, route: Route) -> None:
        self._pools = pools
        self._client = pools.client
        self._route = route
        self._count = 0  # open, or on their way to be
        self._idle: list[PooledMachine] = []  # the one that was used last is taken first
        self._openings: dict[Waiter, Opening] = {}
        self.waiting: deque[Waiter] = deque()

    def submit(self, transfer: Waiter, fresh: bool = False) -> None:
        """``transfer.begin_on(machine)``, now or when there is one; ``fresh``: on a new one."""
        if self._idle and not fresh:
            machine = self._idle.pop()
            del self._pools.idle[machine]
            transfer.begin_on(machine)
        elif self._count < self._client.per_host:
            self._open(transfer)
        elif fresh:
            self.waiting.appendleft(transfer)
        else:
            self.waiting.append(transfer)

    def withdraw(self, transfer: Waiter) -> None:
        """It wants no connection any more."""
        opening = self._openings.pop(transfer, None)
        if opening is not None:
            opening.cancel()
            self._removed()
        elif transfer in self.waiting:
            self.waiting.remove(transfer)

    def freed(self, machine: PooledMachine) -> None:
        if self.waiting:
            self.waiting.popleft().begin_on(machine)
            return
        limits, idle = self._client.limits, self._pools.idle
        self._idle.append(machine)
        idle[machine] = None
        machine.transport.set_deadline(limits.keep_alive_timeout_s)
        if len(idle) > limits.idle_connections_max:
            next(iter(idle)).cancel()

    def connection_ended(self, machine: PooledMachine) -> None:
        if machine in self._pools.idle:
            del self._pools.idle[machine]
            self._idle.remove(machine)
        self._removed()

    def _removed(self) -> None:
        """There is room for one more connection."""
        self._count -= 1
        if self.waiting:
            self._open(self.waiting.popleft())
        elif not self._count:
            del self._pools.by_key[self._route.key]

    def _open(self, transfer: Waiter) -> None:
        self._count += 1
        machine = PooledMachine(self._client.limits, self)

        def opened() -> None:
            del self._openings[transfer]
            transfer.begin_on(machine)

        def failed(error: FetchError) -> None:
            if self._openings.pop(transfer, None) is not None:
                self._removed()
                transfer.not_connected(error)

        opening = Opening(
            self._client, self._route, machine, transfer.url, transfer.timings, opened, failed
        )
        machine.opening = self._openings[transfer] = opening
        opening.start()
