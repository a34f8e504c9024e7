"""A supervisor looks at its workers: out of the page, which costs none of them anything.

So a worker that is held up, or all of them, never hold up who asks.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reactor.limits import Limits
from reactor.server.edge import EdgePolicy
from reactor.server.status.kernel import cpu_of, memory_of, own_process
from reactor.server.status.listener import StatusListener, metrics_sockets
from reactor.server.status.notes import Notes
from reactor.server.status.own import of_any_server
from reactor.server.status.snapshot import (
    Counters,
    Event,
    Process,
    Reload,
    Snapshot,
    Worker,
    counters_of,
)
from reactor.server.workers import members

if TYPE_CHECKING:
    from reactor.server.tls import Contexts
    from reactor.server.workers.supervisor import Supervisor


class CrewStatus:
    """Says what the workers of ``supervisor`` do.

    Args:
        notes: what they write there; made before the first of them.

    Attributes:
        target: what is served, in the user's words.
        contexts: certificates in use; None: there are none, or the workers have their own.

    Raises:
        ConfigurationError: nothing can listen at ``where``.
    """

    def __init__(
        self,
        where: str,
        supervisor: Supervisor,
        notes: Notes,
        sockets: Sequence[socket.socket],
        limits: Limits,
        policy: EdgePolicy,
    ) -> None:
        self._supervisor = supervisor
        self._notes = notes
        self._sockets = sockets
        self._limits = limits
        # Opened behind the supervisor's beginning, so that no child has them.
        self._listener = StatusListener(metrics_sockets(where), policy, self.snapshot)
        self.urls = self._listener.urls
        self.target = ""
        self.contexts: Contexts | None = None

    def start(self) -> None:
        self._listener.start(self._supervisor.loop)

    def snapshot(self) -> Snapshot:
        clock = time.monotonic()
        page, record = self._supervisor.page, self._supervisor.record
        workers = tuple(self._worker(one, clock) for one in self._supervisor.slots.workers)
        reload = Reload(not record.reload_failed, record.reloaded_at)
        if self.contexts is not None and self.contexts.failed:
            reload = Reload(False, record.reloaded_at)
        return Snapshot(
            **of_any_server(self.target, self._sockets, self.contexts, self._notes, self._limits),
            clock=clock,
            started_at=record.started_at,
            state=self._state(),
            counters=counters_of(page.total_row, page.total),
            workers=workers,
            reload=reload,
            starts=record.starts,
            exits=dict(record.exits),
            events=tuple(Event(*happening) for happening in record.happenings),
            process=self._process(workers),
        )

    def _state(self) -> str:
        if self._supervisor.stopping:
            return "draining"
        return "ready" if self._supervisor.slots.serving else "starting"

    def _process(self, workers: Sequence[Worker]) -> Process:
        own = own_process()
        molds = (cpu_of(one.child.pid) for one in self._supervisor.generations.molds)
        return replace(own, cpu_s=own.cpu_s + sum(molds) + sum(one.cpu_s for one in workers))

    def _worker(self, one: members.Worker, clock: float) -> Worker:
        slot = self._supervisor.page.slot(one.index)
        counters: Counters = counters_of(slot.row, slot.__getitem__)
        in_turn = slot["in_turn"]  # first: the time of a turn is there before this is
        blocked_s = clock - slot["turn_began_ns"] / 1e9 if in_turn else 0.0
        return Worker(
            slot=one.slot,
            pid=one.pid,
            generation=one.generation,
            state=one.state.value,
            age_s=self._supervisor.loop.time() - one.started_at,
            connections=slot["connections"],
            active=slot["active"],
            writing=slot["writing"],
            blocked_s=max(0.0, blocked_s),
            cpu_s=cpu_of(one.pid),
            memory_bytes=memory_of(one.pid)[1],
            counters=counters,
        )
