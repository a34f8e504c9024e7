"""The last minute, a sample a second, while somebody looks.

A sample is what has changed between two snapshots. Nobody who is idle is woken for it: who takes
the snapshots stops when nobody has looked for a while.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from reactor.server.status.quantiles import quantile_s
from reactor.server.status.snapshot import Snapshot

# A minute of them: what a person still has in mind.
SAMPLES_MAX = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """Rates are per second; None: there was no request to tell it of."""

    at: float
    requests: float
    received: float
    sent: float
    failed: float  # answers of class 5xx
    p50_s: float | None
    p99_s: float | None
    cpu_share: float  # of a core
    cpu_s_per_request: float | None
    idle: int
    active: int
    writing: int
    busy: dict[str, float]  # the share of time in which the loop of a slot did not wait
    rates: dict[str, float]  # requests of a slot


def sample(before: Snapshot, now: Snapshot) -> Sample:
    """What has happened between the two."""
    seconds = max(1e-6, now.clock - before.clock)
    old, new = before.counters, now.counters
    requests = max(0, new.requests - old.requests)
    durations = [max(0, b - a) for a, b in zip(old.durations, new.durations, strict=False)]
    cpu_s = max(0.0, now.process.cpu_s - before.process.cpu_s)
    states = now.by_state
    return Sample(
        at=now.at,
        requests=requests / seconds,
        received=max(0, new.received_bytes - old.received_bytes) / seconds,
        sent=max(0, new.sent_bytes - old.sent_bytes) / seconds,
        failed=max(0, _failed(now) - _failed(before)) / seconds,
        p50_s=quantile_s(durations, 0.5),
        p99_s=quantile_s(durations, 0.99),
        cpu_share=cpu_s / seconds,
        cpu_s_per_request=cpu_s / requests if requests else None,
        idle=states["idle"],
        active=states["active"],
        writing=states["writing"],
        busy=_busy(before, now, seconds),
        rates=_rates(before, now, seconds),
    )


def _failed(snapshot: Snapshot) -> int:
    return sum(n for code, n in snapshot.counters.codes.items() if code.startswith("5"))


def _busy(before: Snapshot, now: Snapshot, seconds: float) -> dict[str, float]:
    was = {worker.pid: worker.counters.busy_s for worker in before.workers}
    found: dict[str, float] = {}
    for worker in now.workers:
        if worker.pid in was:
            # A turn that goes on is counted when it is over; until then it is seen as it is.
            busy_s = worker.counters.busy_s - was[worker.pid]
            share = max(busy_s, min(worker.blocked_s, seconds)) / seconds
            key = str(worker.slot)
            found[key] = max(found.get(key, 0.0), min(1.0, share))
    return found


def _rates(before: Snapshot, now: Snapshot, seconds: float) -> dict[str, float]:
    was = {worker.pid: worker.counters.requests for worker in before.workers}
    found: dict[str, float] = {}
    for worker in now.workers:
        key = str(worker.slot)
        done = worker.counters.requests - was.get(worker.pid, 0)
        found[key] = found.get(key, 0.0) + max(0, done) / seconds
    return found


class History:
    """Samples, the oldest first."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)
        self.last: Snapshot | None = None

    def add(self, snapshot: Snapshot) -> None:
        last, self.last = self.last, snapshot
        if last is None or snapshot.clock <= last.clock:
            return
        if snapshot.clock - last.clock > SAMPLES_MAX:
            self.samples.clear()  # nobody has looked for long: an average of that is no sample
            return
        self.samples.append(sample(last, snapshot))
