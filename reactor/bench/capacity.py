"""The highest rate that a server keeps with its p99 within a bound, and whether it is the server's.

Each trial is a run of its own, in an open loop: latency counts from when a request was due. A rate
that was not kept bounds the server only if the generator kept its schedule; otherwise the bound
is the generator's, and the server may keep more.
"""

from __future__ import annotations

from reactor.bench.results import HighestRate, RunVerdict, Trial
from reactor.bench.statistics import verdict
from reactor.load import Generator, Sweep, highest_rate


def find(
    server: str, generator: Generator, bound_s: float, first: float, seconds: float
) -> HighestRate:
    """By bisection from ``first``; each trial takes so many seconds. Raises LoadError."""
    sweep = highest_rate(lambda rate: generator.run(seconds, rate=rate), bound_s, first)
    said, why = judge(sweep)
    return HighestRate(
        server=server,
        connections=generator.ready["connections"],
        bound_s=bound_s,
        rate=sweep.rate,
        verdict=said,
        why=why,
        trials=[
            Trial(
                rate=one.rate,
                requests=one.result.requests,
                p99_s=one.latency_ns / 1e9,
                missed=one.result.missed,
                unsent=one.result.unsent,
                generator_cpu=one.result.busy,
                kept=one.kept,
            )
            for one in sweep.trials
        ],
    )


def judge(sweep: Sweep) -> tuple[RunVerdict, str | None]:
    """Of the lowest rate that was not kept: was it the server that did not keep it?"""
    above = min(
        (one for one in sweep.trials if not one.kept),
        key=lambda one: one.rate,
        default=sweep.trials[-1],
    )
    said, why = verdict(
        busy=above.result.busy,
        missed=above.result.missed,
        requests=above.result.requests,
        errors=0,
        drifted=1.0,
    )
    return said, why and f"at {above.rate:,.0f} requests a second {why}: it may keep more"
