"""The connections to one origin: some in use, some idle, and who waits for one.

At most so many at a time. A connection that comes free serves who waits longest; an idle one is
kept for a while, then closed. Must never know what is asked for.
"""

from __future__ import annotations

from collections import deque

from reactor._protocol import Transport
from reactor.client.opening import Opening, Way
from reactor.errors import FetchError
from reactor.http._client import ClientMachine
from reactor.limits import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing

    from reactor.client.shared import Shared

    class Waiter(typing.Protocol):
        """Who wants a connection."""

        timings: dict[str, float]

        @property
        def url(self) -> str: ...
        def begin_on(self, machine: PooledMachine) -> object: ...
        def not_connected(self, error: FetchError) -> object: ...

    class Keeper(Shared, typing.Protocol):
        """Who owns the pools."""

        def now_idle(self, machine: PooledMachine) -> None: ...
        def no_longer_idle(self, machine: PooledMachine) -> None: ...
        def forget(self, way: Way) -> None: ...


class PooledMachine(ClientMachine):
    """A connection that tells its pool when it is free, and when it is no more."""

    def __init__(self, limits: Limits, pool: Pool) -> None:
        super().__init__(limits)
        self._pool = pool
        self.opening: Opening | None = None
        self.served = 0  # responses that came whole

    def connection_made(self, transport: Transport) -> None:
        super().connection_made(transport)
        opening, self.opening = self.opening, None
        if opening is not None:
            opening.opened()

    def freed(self) -> None:
        self.served += 1
        if self.ready:
            self._pool.freed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._pool.lost(self)


class Pool:
    """All connections by one way."""

    def __init__(self, client: Keeper, way: Way) -> None:
        self._client = client
        self._way = way
        self._count = 0  # open, or on their way to be
        self._idle: list[PooledMachine] = []
        self._waiting: deque[Waiter] = deque()
        self._openings: dict[Waiter, Opening] = {}

    def submit(self, transfer: Waiter, fresh: bool = False) -> None:
        """``transfer.begin_on(machine)``, now or when there is one; ``fresh``: on a new one."""
        if self._idle and not fresh:
            machine = self._idle.pop()
            self._client.no_longer_idle(machine)
            transfer.begin_on(machine)
        elif self._count < self._client.per_host:
            self._open(transfer)
        elif fresh:
            self._waiting.appendleft(transfer)
        else:
            self._waiting.append(transfer)

    def withdraw(self, transfer: Waiter) -> None:
        """It wants no connection any more."""
        opening = self._openings.pop(transfer, None)
        if opening is not None:
            opening.cancel()
            self._gone()
        elif transfer in self._waiting:
            self._waiting.remove(transfer)

    def freed(self, machine: PooledMachine) -> None:
        if self._waiting:
            self._waiting.popleft().begin_on(machine)
        else:
            self._idle.append(machine)
            self._client.now_idle(machine)

    def lost(self, machine: PooledMachine) -> None:
        if machine in self._idle:
            self._idle.remove(machine)
            self._client.no_longer_idle(machine)
        self._gone()

    def _gone(self) -> None:
        """There is room for one more connection."""
        self._count -= 1
        if self._waiting:
            self._open(self._waiting.popleft())
        elif not self._count:
            self._client.forget(self._way)

    def _open(self, transfer: Waiter) -> None:
        self._count += 1
        machine = PooledMachine(self._client.limits, self)

        def opened() -> None:
            del self._openings[transfer]
            transfer.begin_on(machine)

        def failed(error: FetchError) -> None:
            if self._openings.pop(transfer, None) is not None:
                self._gone()
                transfer.not_connected(error)

        opening = Opening(
            self._client, self._way, machine, transfer.url, transfer.timings, opened, failed
        )
        machine.opening = self._openings[transfer] = opening
        opening.start()
