"""What changed between two runs of a comparison, and whether something got worse.

Two runs are of two times: nothing pairs their slots. So each server's launches, and slots of each
of them, are drawn with replacement in both runs, and the ratio of what the tables show, NEW / OLD,
has an interval: of the medians of the slots, and of the p99 of all their answers together. It is
a change only if that lies outside the wider of both runs' A/A noise as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import chain
from statistics import median
from typing import TypeVar

from reactor.bench.cells import NAMES
from reactor.bench.results import METRICS, Metric, Results, Row
from reactor.bench.statistics import (
    DRAWS,
    Launches,
    bounds,
    by_launch,
    is_difference,
    resampled,
)
from reactor.bench.tables import merged
from reactor.load import Histogram

T = TypeVar("T")

LOWER_IS_BETTER: dict[Metric, bool] = {
    "cpu_us_per_request": True,
    "requests_per_s": False,
    "p99_s": True,
}


def compare(old: Results, new: Results) -> tuple[list[str], bool]:
    """A line for each figure of each server that both runs have; whether one is a regression."""
    lines, regressed = [], False
    before = {(row.server, row.connections): row for row in old.rows}
    if old.plan != new.plan:
        lines.append("The two runs had different plans: what changed may be their doing.")
    for row in new.rows:
        earlier = before.pop((row.server, row.connections), None)
        if earlier is None:
            lines.append(f"{row.server}, {row.connections:,} connections: only in NEW")
            continue
        bound = _bound(earlier, row)
        if bound:
            lines.append(
                f"{row.server}, {row.connections:,} connections: the generator was the bound, only "
                "CPU per request is compared"
            )
        for metric in METRICS:
            if bound and metric != "cpu_us_per_request":
                continue
            line, worse = _change(metric, earlier, row, noise(old, new, metric))
            lines.append(line)
            regressed = regressed or worse
    lines += [f"{server}, {number:,} connections: only in OLD" for server, number in before]
    return lines, regressed


def _bound(*rows: Row) -> bool:
    return any(row.verdict == "GENERATOR-BOUND" for row in rows)


def noise(old: Results, new: Results, metric: Metric) -> tuple[float, float]:
    """The widest A/A band of both runs; none at all where no run has one."""
    bands = [
        ratio.noise
        for ratio in (*old.ratios, *new.ratios)
        if ratio.metric == metric and ratio.noise
    ]
    return min((one[0] for one in bands), default=1.0), max((one[1] for one in bands), default=1.0)


def _change(metric: Metric, old: Row, new: Row, band: tuple[float, float]) -> tuple[str, bool]:
    if metric == "p99_s":
        was, now, low, high = _drawn(_p99, _histograms(old), _histograms(new))
    else:
        was, now, low, high = _drawn(median, _values(old, metric), _values(new, metric))
    middle = now / max(was, 1e-12)
    changed = is_difference(low, high, band)
    worse = changed and (middle > 1) is LOWER_IS_BETTER[metric]
    called = "REGRESSION" if worse else "better" if changed else "no difference"
    return (
        f"{new.server}, {new.connections:,} connections: {NAMES[metric]} "
        f"{_told(metric, was)} -> {_told(metric, now)}, ratio {middle:.3f} ({low:.3f}-{high:.3f}), "
        f"noise {band[0]:.3f}-{band[1]:.3f}: {called}",
        worse,
    )


def _told(metric: Metric, value: float) -> str:
    if metric == "cpu_us_per_request":
        return f"{value:,.2f} us"
    return f"{value * 1e3:,.2f} ms" if metric == "p99_s" else f"{value:,.0f}"


def _drawn(
    figure: Callable[[Iterable[T]], float], old: Launches[T], new: Launches[T]
) -> tuple[float, float, float, float]:
    """The figure of each run, as its table shows it, and the interval of NEW / OLD."""
    chance = random.Random(1)  # noqa: S311 - statistics, no secret
    low, high = bounds(
        [
            figure(resampled(new, chance)) / max(figure(resampled(old, chance)), 1e-12)
            for _ in range(DRAWS)
        ]
    )
    return figure(chain.from_iterable(old)), figure(chain.from_iterable(new)), low, high


def _values(row: Row, metric: Metric) -> list[list[float]]:
    return by_launch((slot.launch, slot.metric(metric)) for slot in row.slots)


def _histograms(row: Row) -> list[list[Histogram]]:
    return by_launch((slot.launch, Histogram.decode(slot.histogram)) for slot in row.slots)


def _p99(histograms: Iterable[Histogram]) -> float:
    """Of all answers together, as in the table: a median of slots' p99 would be another figure."""
    return merged(histograms).percentile(99) / 1e9
