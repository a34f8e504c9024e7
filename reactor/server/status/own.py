"""A server in one process looks at itself: where a snapshot comes from without workers."""

from __future__ import annotations

import gc
import os
import platform
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reactor.errors import ConfigurationError
from reactor.http.blame import name_of
from reactor.limits import Limits
from reactor.net import Reactor
from reactor.server.edge import EdgePolicy
from reactor.server.status.kernel import listening, own_process
from reactor.server.status.listener import StatusListener, metrics_sockets
from reactor.server.status.notes import SLOW_MAX, STALLS_MAX, Notes
from reactor.server.status.noting import KEPT_S
from reactor.server.status.observed import Observed
from reactor.server.status.snapshot import (
    CertificateInUse,
    Listening,
    Reload,
    Slow,
    Snapshot,
    Stall,
    Worker,
    counters_of,
)

if TYPE_CHECKING:
    from reactor.server.tls import Contexts

ONE_LOOP = "metrics are what one loop counts and says: leave out the model 'threads'"
# The limits that a page shows: what an operator may want to change.
SHOWN_LIMITS = (
    "connections_max",
    "backlog",
    "header_timeout_s",
    "body_timeout_s",
    "write_timeout_s",
    "keep_alive_timeout_s",
    "graceful_timeout_s",
    "request_line_bytes_max",
    "field_count_max",
    "body_bytes_max",
    "body_memory_max",
)


class OwnStatus(Observed):
    """Counts what this process does, and says so on a listener of its own.

    Args:
        where: an address to listen on.
        target: what is served, in the user's words.
        sockets: where clients connect.

    Raises:
        ConfigurationError: nothing can listen there.
    """

    def __init__(
        self,
        where: str,
        target: str,
        sockets: Sequence[socket.socket],
        limits: Limits,
        policy: EdgePolicy,
        contexts: Contexts | None = None,
    ) -> None:
        super().__init__()
        self.target = target
        self._sockets = sockets
        self._limits = limits
        self._contexts = contexts
        self._state = "starting"
        self._started_at = time.time()
        self._started = time.monotonic()
        self._listener = StatusListener(metrics_sockets(where), policy, self.snapshot)

    @property
    def urls(self) -> list[str]:
        return self._listener.urls

    def serve(self, loop: Reactor) -> None:
        self._listener.start(loop)

    def has_state(self, state: str) -> None:
        self._state = state

    def close(self) -> None:
        self._listener.close()

    def snapshot(self) -> Snapshot:
        clock = time.monotonic()
        process = own_process()
        counters = counters_of(self.slot.row, self.slot.__getitem__)
        worker = Worker(
            slot=0,
            pid=os.getpid(),
            generation=1,
            state=self._state,
            age_s=clock - self._started,
            connections=self.slot["connections"],
            active=self.slot["active"],
            writing=self.slot["writing"],
            blocked_s=0.0,  # who answers is not held up
            cpu_s=process.cpu_s,
            memory_bytes=process.resident_bytes,
            counters=counters,
        )
        return Snapshot(
            **of_any_server(self.target, self._sockets, self._contexts, self.notes, self._limits),
            clock=clock,
            started_at=self._started_at,
            state=self._state,
            counters=counters,
            workers=(worker,),
            reload=self._reload(),
            process=process,
            collections=tuple(gc.get_stats()),
        )

    def _reload(self) -> Reload:
        if self._contexts is None:
            return Reload(True, self._started_at)  # nothing is read anew
        return Reload(not self._contexts.failed, self._contexts.loaded_at)


def own_status(where: str, model: str, target: Any, *what: Any) -> OwnStatus:
    """`OwnStatus`, of any target of a `Server`.

    Raises:
        ConfigurationError: this model has no loop that could answer.
    """
    if model == "threads":
        raise ConfigurationError(ONE_LOOP)
    return OwnStatus(where, target if isinstance(target, str) else name_of(target), *what)


def of_any_server(
    target: str,
    sockets: Sequence[socket.socket],
    contexts: Contexts | None,
    notes: Notes,
    limits: Limits,
) -> dict[str, Any]:
    """What a snapshot says of one process and of several alike."""
    now = time.time()
    return {
        "at": now,
        "version": version(),
        "python": platform.python_version(),
        "target": target,
        "listeners": listening_on(sockets, limits),
        "certificates": in_use(contexts),
        "stalls": stalls_of(notes),
        "slowest": slowest_of(notes, now),
        "limits": {name: getattr(limits, name) for name in SHOWN_LIMITS},
    }


def version() -> str:
    # Not imported: the package itself stands above all of its parts.
    package: Any = sys.modules["reactor"]
    return str(package.__version__)


def listening_on(sockets: Sequence[socket.socket], limits: Limits) -> tuple[Listening, ...]:
    return tuple(listening(sock, limits.backlog) for sock in sockets if sock.fileno() >= 0)


def in_use(contexts: Contexts | None) -> tuple[CertificateInUse, ...]:
    return tuple(
        CertificateInUse(
            ", ".join((*one.names, *one.addresses)) or "(no name)", one.not_after.timestamp()
        )
        for one in (contexts.certificates if contexts is not None else ())
    )


def stalls_of(notes: Notes) -> tuple[Stall, ...]:
    """The places that have held a loop up, the last one first; of all workers the longest."""
    found: dict[str, Stall] = {}
    for note in notes.read(SLOW_MAX, STALLS_MAX):
        stall = Stall(**note)
        before = found.get(stall.where, stall)
        seconds = max(stall.seconds, before.seconds)
        found[stall.where] = replace(max(stall, before, key=lambda one: one.at), seconds=seconds)
    return tuple(sorted(found.values(), key=lambda stall: -stall.at)[: 2 * STALLS_MAX])


def slowest_of(notes: Notes, now: float) -> tuple[Slow, ...]:
    """Those of the last minute, the slowest first."""
    found = [Slow(**note) for note in notes.read(0, SLOW_MAX)]
    found = [slow for slow in found if now - slow.at < KEPT_S]
    return tuple(sorted(found, key=lambda slow: -slow.seconds)[:SLOW_MAX])
