"""Durations in steps of a quarter of an octave: what a slot's ``durations`` are.

Prometheus has OpenTelemetry's buckets, whose first ends at 5 ms: of a server that answers within
100 us they say nothing. These tell 100 us from 120.
"""

from __future__ import annotations

from collections.abc import Sequence


def upper_s(index: int) -> float:
    """Where a step ends, in seconds; each begins where the one before ends.

    >>> [round(upper_s(index) * 1e6) for index in (0, 3, 4, 7, 8, 20)]
    [1, 4, 5, 8, 10, 80]
    """
    if index < 4:
        return (index + 1) / 1e6
    return float((index % 4 + 5) << (index // 4 - 1)) / 1e6


def quantile_s(counts: Sequence[int], share: float) -> float | None:
    """The duration that ``share`` of them were within, in between the ends of its step.

    >>> quantile_s([0, 0, 0, 0, 10], 0.5)
    4.5e-06
    >>> quantile_s([], 0.5) is None
    True
    """
    total = sum(counts)
    if not total:
        return None
    wanted, below = share * total, 0
    for index, count in enumerate(counts):
        if count and below + count >= wanted:
            start = upper_s(index - 1) if index else 0.0
            return start + (upper_s(index) - start) * (wanted - below) / count
        below += count
    return upper_s(len(counts) - 1)
