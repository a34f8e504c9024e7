"""All that is known of a server at one moment, as plain values.

Times are seconds since the epoch, lengths of time are seconds. What shows it must not look anywhere
else: a snapshot can be made by hand, and the same text comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reactor.http._counting import CLASSES, CODES, METHODS, REASONS

# How most connections end: nobody has done anything wrong.
USUAL = ("keep-alive-timeout", "silent-timeout")


@dataclass(frozen=True, slots=True)
class Counters:
    """What only grows: of one worker, or of all that there have been."""

    requests: int = 0
    codes: dict[str, int] = field(default_factory=dict)  # "200", or "2xx" for the rarer ones
    methods: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    latency: dict[str, tuple[int, ...]] = field(default_factory=dict)  # by class: see BUCKETS_S
    latency_s: dict[str, float] = field(default_factory=dict)
    durations: tuple[int, ...] = ()  # finer, of all: see `quantiles`
    received_bytes: int = 0
    sent_bytes: int = 0
    accepted: int = 0
    accept_pauses: int = 0
    shed: int = 0
    handshakes: dict[str, int] = field(default_factory=dict)
    busy_s: float = 0.0
    turns: tuple[int, ...] = ()
    turns_s: float = 0.0
    stalls: int = 0
    log_lines_lost: int = 0

    @property
    def faults(self) -> dict[str, int]:
        return {reason: n for reason, n in self.refused.items() if reason not in USUAL}

    @property
    def expired(self) -> dict[str, int]:
        return {reason: n for reason, n in self.refused.items() if reason in USUAL}


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that serves, now."""

    slot: int
    pid: int
    generation: int
    state: str  # starting, ready, draining
    age_s: float
    connections: int
    active: int  # requests under way
    writing: int  # of these, those whose answer has begun
    blocked_s: float  # how long its loop has been in the turn that it is in; 0: it waits
    cpu_s: float
    memory_bytes: int
    counters: Counters


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that clients connect to. ``queue`` None: its kernel does not say."""

    address: str
    queue: int | None
    queue_max: int


@dataclass(frozen=True, slots=True)
class CertificateInUse:
    names: str
    not_after: float


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened to the service: a death, a reload."""

    at: float
    what: str  # "death", "reload", "failed reload", ...
    text: str


@dataclass(frozen=True, slots=True)
class Stall:
    """A place that has held the loop up: when last, and for how long at most."""

    at: float
    seconds: float
    where: str  # FILE:LINE (FUNCTION)
    pid: int


@dataclass(frozen=True, slots=True)
class Slow:
    """A request that took long; ``path`` is without its query."""

    at: float
    seconds: float
    method: str
    path: str
    status: int
    pid: int


@dataclass(frozen=True, slots=True)
class Process:
    """Of the process that answers; ``cpu_s`` is of the whole service."""

    cpu_s: float = 0.0
    resident_bytes: int = 0
    virtual_bytes: int = 0
    descriptors: int = 0
    descriptors_max: int = 0
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Reload:
    """Whether the last one was taken, and when one was last; ``at`` is the start's at first."""

    successful: bool
    at: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    at: float
    clock: float  # the same moment, by a clock that nobody sets
    version: str
    python: str
    target: str
    started_at: float
    state: str  # starting, ready, draining
    counters: Counters
    workers: tuple[Worker, ...]
    listeners: tuple[Listening, ...] = ()
    certificates: tuple[CertificateInUse, ...] = ()
    reload: Reload | None = None
    starts: int = 1
    exits: dict[str, int] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    stalls: tuple[Stall, ...] = ()
    slowest: tuple[Slow, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    process: Process = Process()
    collections: tuple[dict[str, int], ...] = ()  # gc.get_stats(), where the app runs here

    @property
    def connections(self) -> int:
        return sum(worker.connections for worker in self.workers)

    @property
    def by_state(self) -> dict[str, int]:
        """Connections: those that wait, whose request is worked on, whose answer is written."""
        writing = sum(worker.writing for worker in self.workers)
        active = max(0, sum(worker.active for worker in self.workers) - writing)
        return {
            "idle": max(0, self.connections - active - writing),
            "active": active,
            "writing": writing,
        }

    @property
    def ready(self) -> bool:
        return self.state == "ready"


def counters_of(row: Any, value: Any) -> Counters:
    """Out of what a slot or a page says: ``row(name)`` of a row, ``value(name)`` of one value."""
    latency, latency_ns = row("latency"), row("latency_ns")
    size = len(latency) // len(CLASSES)
    return Counters(
        requests=value("requests"),
        codes=_named(CODES, row("codes")),
        methods=_named(METHODS, row("methods")),
        refused=_named(REASONS, row("refusals")),
        latency={
            name: latency[n * size : (n + 1) * size]
            for n, name in enumerate(CLASSES)
            if any(latency[n * size : (n + 1) * size])
        },
        latency_s={name: ns / 1e9 for name, ns in _named(CLASSES, latency_ns).items()},
        durations=row("durations"),
        received_bytes=value("bytes_in"),
        sent_bytes=value("bytes_out"),
        accepted=value("accepted"),
        accept_pauses=value("accept_pauses"),
        shed=value("shed"),
        handshakes={
            "full": value("handshakes") - value("handshakes_resumed"),
            "resumed": value("handshakes_resumed"),
            "failed": value("handshakes_failed"),
        },
        busy_s=value("busy_ns") / 1e9,
        turns=row("turns"),
        stalls=value("stalls"),
        log_lines_lost=value("log_lost"),
    )


def _named(names: tuple[str, ...], values: tuple[int, ...]) -> dict[str, int]:
    """Those that are not zero: a name for each of a hundred zeros helps nobody."""
    return {name: value for name, value in zip(names, values, strict=False) if value}
