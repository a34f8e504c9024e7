"""From slots to rows and ratios: figures only, nothing is measured here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Protocol

from reactor.bench.results import METRICS, Latency, Metric, Plan, Ratio, Row, Slot
from reactor.bench.servers import Memory
from reactor.bench.statistics import (
    LAUNCHES_MIN,
    band,
    by_launch,
    drift,
    interval,
    is_difference,
    verdict,
)
from reactor.load import Histogram, Result


class Measured(Protocol):
    """What a server has done."""

    @property
    def name(self) -> str: ...

    slots: list[Slot]
    results: list[Result]
    switches: int
    memory: Memory | None


def make_row(one: Measured, plan: Plan) -> Row:
    requests = sum(slot.requests for slot in one.slots)
    busy = median(result.busy for result in one.results)
    missed = sum(result.missed for result in one.results)
    cpu = [slot.metric("cpu_us_per_request") for slot in one.slots]
    said, why = verdict(busy=busy, missed=missed, requests=requests, errors=0, drifted=drift(cpu))
    latency = merged([result.latency for result in one.results])
    raw = [result.uncorrected for result in one.results if result.uncorrected is not None]
    memory = one.memory or Memory(0, 0, 0, 0)
    return Row(
        server=one.name,
        connections=plan.connections,
        rate=plan.rate,
        access_log=plan.access_log,
        requests_per_s=median(slot.metric("requests_per_s") for slot in one.slots),
        cpu_us_per_request=median(cpu),
        latency_s=_latency(latency),
        uncorrected_s=_latency(merged(raw)) if raw else None,
        histogram=latency.encode(),
        generator_cpu=busy,
        missed=missed,
        rss_bytes=memory.rss_bytes,
        bytes_per_idle_connection=None,
        threads=memory.threads,
        descriptors=memory.descriptors,
        context_switches_per_request=one.switches / requests,
        verdict=said,
        why=why,
        slots=one.slots,
    )


def make_ratios(
    slots: Mapping[str, Sequence[Slot]], twin: Sequence[Slot] | None, plan: Plan
) -> list[Ratio]:
    """The first server over each other one, judged by the noise of the first and its twin."""
    (name, first), *others = slots.items()
    made = []
    for metric in METRICS:
        noise = None
        if twin:
            noise = band(*interval(pair_ratios(first, twin, metric), plan.seed)[1:])
        for other, theirs in others:
            launches = pair_ratios(first, theirs, metric)
            middle, low, high = interval(launches, plan.seed)
            enough = noise is not None and len(launches) >= LAUNCHES_MIN
            made.append(
                Ratio(
                    *(name, other, plan.connections, metric, middle, low, high),
                    noise=list(noise) if noise else None,
                    difference=is_difference(low, high, noise) if noise and enough else None,
                )
            )
    return made


def pair_ratios(a: Sequence[Slot], b: Sequence[Slot], metric: Metric) -> list[list[float]]:
    """Of the rounds that both have finished, by their launch."""
    return by_launch(
        (one.launch, one.metric(metric) / max(other.metric(metric), 1e-12))
        for one, other in zip(a, b, strict=False)
    )


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All their counts together."""
    whole = Histogram()
    for one in histograms:
        whole.merge(one)
    return whole


def _latency(histogram: Histogram) -> Latency:
    p50, p90, p99, p99_9 = (histogram.percentile(percent) / 1e9 for percent in (50, 90, 99, 99.9))
    return Latency(p50, p90, p99, p99_9, histogram.max / 1e9)
