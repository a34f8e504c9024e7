"""What pairs of slots say: the median of their ratios, its interval, and a verdict.

Pure functions of numbers. The interval is a seeded bootstrap of two levels (Davison and Hinkley,
Bootstrap Methods, 3.8): launches are drawn again and again, with replacement, then pairs of each
launch, and it holds 95 % of the medians of the draws. Two processes of one program differ by more
than the slots of one of them, so pairs of one launch are not independent. What two servers
differ by anyway is measured by the A/A pair, and a difference is one only if it lies outside
that as well.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import chain
from statistics import median
from typing import TypeVar

from reactor.bench.results import RunVerdict

DRAWS = 2_000
CONFIDENCE = 0.95
GENERATOR_BUSY_MAX = 0.9  # of the time: above, it is what was measured
MISSED_MAX = 0.01  # of the schedule
LAUNCHES_MIN = 6  # the smallest to the largest of n values holds the median with 1 - 2**(1 - n)
DRIFT_MAX = 1.25  # of the CPU per request, second half of the slots to the first


T = TypeVar("T")
Launches = Sequence[Sequence[T]]
"""Values by the launch that they were measured in."""


def by_launch(values: Iterable[tuple[int, T]]) -> list[list[T]]:
    """Values, each with the number of its launch, as `interval` takes them.

    >>> by_launch([(0, 1.0), (0, 2.0), (1, 3.0)])
    [[1.0, 2.0], [3.0]]
    """
    launches: dict[int, list[T]] = {}
    for launch, value in values:
        launches.setdefault(launch, []).append(value)
    return list(launches.values())


def interval(launches: Launches[float], seed: int = 1) -> tuple[float, float, float]:
    """(median, low, high) of the ratios of pairs.

    >>> interval([[2.0, 2.0], [2.0]])
    (2.0, 2.0, 2.0)
    """
    if not launches:
        raise ValueError("no pair, no ratio")
    chance = random.Random(seed)  # noqa: S311 - statistics, no secret
    draws = [median(resampled(launches, chance)) for _ in range(DRAWS)]
    return median(chain.from_iterable(launches)), *bounds(draws)


def resampled(launches: Launches[T], chance: random.Random) -> list[T]:
    """One draw: launches with replacement, then values of each with replacement."""
    return [
        value
        for launch in chance.choices(launches, k=len(launches))
        for value in chance.choices(launch, k=len(launch))
    ]


def bounds(draws: Sequence[float]) -> tuple[float, float]:
    """Between which 95 % of them lie.

    >>> bounds(range(1000))
    (25, 974)
    """
    ordered = sorted(draws)
    outside = round(len(ordered) * (1 - CONFIDENCE) / 2)
    return ordered[outside], ordered[-1 - outside]


def band(low: float, high: float) -> tuple[float, float]:
    """The noise of an A/A pair, from its interval: always around 1 and as wide on either side.

    Which of two equal servers is A is chance, so a ratio's inverse was as likely as itself.

    >>> band(1.0, 1.25)
    (0.8, 1.25)
    """
    widest = max(high, 1 / low, 1.0)
    return 1 / widest, widest


def is_difference(low: float, high: float, noise: tuple[float, float]) -> bool:
    """Whether the interval lies wholly outside the noise.

    >>> is_difference(1.1, 1.2, (0.95, 1.05)), is_difference(1.0, 1.2, (0.95, 1.05))
    (True, False)
    """
    return high < noise[0] or low > noise[1]


def drift(values: Sequence[float]) -> float:
    """The median of the second half over that of the first, or its inverse: at least 1.

    >>> drift([2.0, 2.0, 1.0, 1.0])
    2.0
    """
    half = len(values) // 2
    if not half:
        return 1.0
    ratio = median(values[-half:]) / median(values[:half])
    return max(ratio, 1 / ratio)


def verdict(
    *, busy: float, missed: int, requests: int, errors: int, drifted: float
) -> tuple[RunVerdict, str | None]:
    """Of a row, and why it is not VALID."""
    if errors:
        return "UNSTABLE", f"{errors:,} requests were not answered rightly"
    if drifted > DRIFT_MAX:
        return "UNSTABLE", f"its CPU per request drifted by a factor of {drifted:.2f}"
    if missed > MISSED_MAX * max(1, requests):
        return "GENERATOR-BOUND", f"the generator sent {missed:,} of {requests:,} requests late"
    if busy > GENERATOR_BUSY_MAX:
        return (
            "GENERATOR-BOUND",
            f"the generator computed, or waited for its core, {busy:.0%} of the time",
        )
    return "VALID", None
