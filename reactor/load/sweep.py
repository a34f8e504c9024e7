"""The highest rate that a server keeps up with, by bisection.

A rate is kept when the server answers all that was due, rightly, and the given percentile of
the latency, from when each request was due, is within the bound. Rates between the highest that
was kept and the lowest that was not are tried until the two are close.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reactor.load.generator import Result

# Nearer than this, noise decides.
STEP = 0.05
TRIALS_MAX = 20  # twice what it takes from a first rate that is 30 times off


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate that was tried."""

    rate: float
    kept: bool
    latency_ns: int  # at the percentile
    result: Result


@dataclass(frozen=True, slots=True)
class Sweep:
    """What was found: ``rate`` is 0 if not even the lowest was kept."""

    rate: float
    trials: list[Trial]


def highest_rate(
    run_at: Callable[[float], Result],
    bound_s: float,
    first: float,
    percent: float = 99.0,
) -> Sweep:
    """Find the highest rate whose latency at ``percent`` is at most ``bound_s``.

    ``run_at`` makes one run at a rate (``lambda rate: generator.run(2.0, rate=rate)``); ``first``
    is where to begin, best somewhat below what a closed loop reaches. The rate doubles while it
    is kept, or halves while it is not; then the interval is halved until it is 5 % wide.
    """
    trials: list[Trial] = []
    low, high = 0.0, float("inf")
    rate = first
    while len(trials) < TRIALS_MAX and rate >= 1 and not low * (1 + STEP) >= high:
        result = run_at(rate)
        latency_ns = result.latency.percentile(percent)
        kept = not result.errors and not result.unsent and latency_ns <= bound_s * 1e9
        trials.append(Trial(rate, kept, latency_ns, result))
        if kept:
            low = rate
        else:
            high = rate
        rate = _between(low, high)
    return Sweep(low, trials)


def _between(low: float, high: float) -> float:
    if high == float("inf"):
        return low * 2
    return high / 2 if low == 0 else (low + high) / 2
