"""A comparison's figures as words: what the table in the terminal and the page both show."""

from __future__ import annotations

from collections.abc import Sequence

from reactor.bench.results import HighestRate, Latency, Metric, Ratio, Results, Row
from reactor.bench.statistics import LAUNCHES_MIN

# A terminal of 80 columns holds each of them.
SPEED_HEAD = (
    *("server", "conns", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "generator", "verdict"),
)
COST_HEAD = (
    *("server", "conns", "CPU us/req", "MB", "B/idle", "threads", "descriptors", "switches/req"),
)
SENT_HEAD = ("as sent", "conns", "due/s", "p50 ms", "p99 ms", "p99.9 ms", "sent late")
RATIO_HEAD = ("ratio", "conns", "of", "median", "95 %", "A/A noise", "differs")
RATE_HEAD = ("server", "conns", "p99 within", "highest rate/s", "p99 ms", "trials", "verdict")
NAMES: dict[Metric, str] = {
    "cpu_us_per_request": "CPU/request",
    "requests_per_s": "requests/s",
    "p99_s": "p99",
}


def speed_cells(row: Row) -> list[str]:
    return [
        row.server,
        f"{row.connections:,}",
        f"{row.requests_per_s:,.0f}",
        *_milliseconds(row.latency_s),
        f"{row.generator_cpu:.0%}",
        row.verdict,
    ]


def cost_cells(row: Row) -> list[str]:
    idle = row.bytes_per_idle_connection
    return [
        row.server,
        f"{row.connections:,}",
        f"{row.cpu_us_per_request:,.1f}",
        f"{row.rss_bytes / 1e6:,.1f}",
        "-" if idle is None else f"{idle:,.0f}",
        f"{row.threads:,}",
        f"{row.descriptors:,}",
        f"{row.context_switches_per_request:.2f}",
    ]


def sent_cells(rows: Sequence[Row]) -> list[list[str]]:
    """Of an open loop: the latencies from when requests left, and how many left late."""
    return [
        [
            row.server,
            f"{row.connections:,}",
            f"{row.rate:,g}",
            *_milliseconds(row.uncorrected_s),
            f"{row.missed:,}",
        ]
        for row in rows
        if row.uncorrected_s is not None
    ]


def _milliseconds(latency: Latency) -> list[str]:
    return [f"{seconds * 1e3:,.2f}" for seconds in (latency.p50, latency.p99, latency.p99_9)]


def ratio_cells(ratio: Ratio) -> list[str]:
    noise = "-" if ratio.noise is None else f"{ratio.noise[0]:.2f}-{ratio.noise[1]:.2f}"
    called = {True: "yes", False: "no", None: "unknown"}[ratio.difference]
    return [
        f"{ratio.a} / {ratio.b}",
        f"{ratio.connections:,}",
        NAMES[ratio.metric],
        f"{ratio.median:.2f}",
        f"{ratio.low:.2f}-{ratio.high:.2f}",
        noise,
        called,
    ]


def rate_cells(found: HighestRate) -> list[str]:
    p99_s = next((one.p99_s for one in found.trials if one.rate == found.rate), None)
    return [
        found.server,
        f"{found.connections:,}",
        f"{found.bound_s * 1e3:g} ms",
        f"{found.rate:,.0f}" if found.rate else "none",
        "-" if p99_s is None else f"{p99_s * 1e3:,.2f}",
        f"{len(found.trials)}",
        found.verdict,
    ]


def machine(results: Results) -> str:
    """Where it ran, in a line."""
    environment = results.environment
    return (
        f"{environment.cpu}, {environment.kernel}, Python {environment.python}, "
        f"load average {environment.load_average[0]:g} to {environment.load_average[1]:g}"
    )


def interrupted(results: Results) -> str:
    """What a run that was ended early has to show."""
    what = "these are the slots until then" if results.rows else "nothing was measured until then"
    return f"Interrupted: {what}."


def remarks(results: Results) -> list[str]:
    """A sentence for every row that is not VALID."""
    why = [
        f"{row.server}, {row.connections:,} connections: {row.verdict}, {row.why}."
        for row in results.rows
        if row.why
    ]
    if results.plan.access_log:
        without = dict.fromkeys(row.server for row in results.rows if not row.access_log)
        none = f", but for {', '.join(without)}, which have none" if without else ""
        why.append(f"Each server wrote its access log to a file{none}.")
    if any(row.verdict == "GENERATOR-BOUND" for row in results.rows):
        why.append("Where the generator was the bound, only CPU per request compares the servers.")
    if any(row.uncorrected_s is not None for row in results.rows):
        why.append(
            "Latency counts from when each request was due; as sent, it leaves out how long the "
            "request waited to be sent."
        )
    if any(ratio.difference is None for ratio in results.ratios):
        why.append(
            f"A difference is unknown with fewer than {LAUNCHES_MIN} launches, of two pairs each, "
            "or without an A/A pair."
        )
    why += [f"{one.server}, highest rate: {one.verdict}, {one.why}."
            for one in results.highest_rates if one.why]  # fmt: skip
    return why
