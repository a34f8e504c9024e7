"""When a worker is started, asked to leave, or ended: rules, as functions of times and numbers.

Must never know: a process, a clock, a signal.
"""

from __future__ import annotations

from reactor._value import Value
from reactor.limits import DEFAULT_LIMITS, Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# A worker that has served for so long did not fail at once: its successor starts at once.
LIVED_S = 5.0
# One that has served for so long proves that the trouble is over.
PROVEN_S = 60.0
PAUSE_S, PAUSE_MAX_S = 1.0, 30.0
# So that workers that fail together do not come back together.
SPREAD = 0.2
# From SIGABRT, by which faulthandler shows where a worker is, to SIGKILL.
DUMP_S = 2.0
# From the time when two later generations serve: longer than a drain waits for who is idle, so that
# only long answers are cut.
OVERTAKEN_S = 6.0
# Samples over `--max-worker-memory` in a row, and how far they are apart: one upload is no leak.
MEMORY_SAMPLES, MEMORY_PERIOD_S = 3, 10.0


class Policies(Value):
    """What a supervisor is told about its workers."""

    workers: int = 1
    timeout_s: float | None = 30.0
    """What a turn of a worker's loop may take; None: any time."""
    start_timeout_s: float = 120.0
    """From the fork of a worker, or of a mold, until it is ready."""
    requests_max: int | None = None
    """A worker that has answered so many is replaced; None: none is."""
    requests_jitter: int = 0
    """Up to so many more, each worker another number."""
    memory_max: int | None = None
    """Bytes that are a worker's own; None: any number."""
    preload: bool = True
    """Import the application once, and fork the workers from there."""
    waits_for_change: bool = False
    """A first start that fails is tried again at a reload, instead of ending the server."""


class Backoff:
    """When the successor of a worker that has died may start.

    Pauses are counted from the start of the one before: a worker that dies at once comes back
    after 1, 2, 4 ... 30 s. It never gives up.
    """

    def __init__(self, spread: Callable[[], float]) -> None:
        """``spread`` gives a number from -1 to 1."""
        self._spread = spread
        self.pause_s = 0.0

    def next_start(self, started_at: float, ready_at: float | None, died_at: float) -> float:
        lived_s = 0.0 if ready_at is None else died_at - ready_at
        if lived_s >= PROVEN_S:
            self.pause_s = 0.0
        if lived_s >= LIVED_S:
            return died_at
        self.pause_s = min(PAUSE_MAX_S, max(PAUSE_S, 2 * self.pause_s))
        return max(died_at, started_at + self.pause_s * (1 + SPREAD * self._spread()))


def is_stuck(in_turn: bool, turn_began: float, now: float, timeout_s: float | None) -> bool:
    """Whether a worker that is in a turn of its loop has been there for too long."""
    return timeout_s is not None and in_turn and now - turn_began > timeout_s


def requests_allowed(policies: Policies, random: Callable[[], float]) -> int | None:
    """After how many requests a worker asks to be replaced; None: never."""
    if policies.requests_max is None:
        return None
    return policies.requests_max + int(random() * (policies.requests_jitter + 1))


class MemoryWatch:
    """Whether a worker has held more than it may, for several samples in a row."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._over: dict[int, int] = {}

    def is_over(self, worker: int, held: int) -> bool:
        """A sample of the worker of this number."""
        if held <= self._bytes_max:
            self._over.pop(worker, None)
            return False
        self._over[worker] = self._over.get(worker, 0) + 1
        return self._over[worker] >= MEMORY_SAMPLES

    def forget(self, worker: int) -> None:
        self._over.pop(worker, None)


def longest_drain_s(limits: Limits = DEFAULT_LIMITS) -> float:
    """After which a worker that was asked to finish is killed: it does all of this by itself."""
    return limits.graceful_timeout_s + limits.linger_timeout_s + 2 * limits.last_words_s


def longest_stop_s(limits: Limits) -> float:
    """The same, if nobody goes on with the sockets."""
    return limits.drain_delay_s + longest_drain_s(limits)
