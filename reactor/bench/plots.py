"""The plots of a comparison: the figures that people look for, as SVG for a page.

A hollow mark is a figure that the load generator bounded. Knows nothing of pages; how things look
is `drawing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reactor.bench.cells import NAMES
from reactor.bench.drawing import (
    BAND,
    INK,
    MUTED,
    PAPER,
    WIDTH,
    Look,
    Plot,
    add_legend,
    figure_and_axes,
    finished,
    looks,
    make_logarithmic,
    styled,
    write_plainly,
)
from reactor.bench.results import METRICS, Ratio, Results, Row
from reactor.load import Histogram

CURVE_POINTS = 40  # of a latency curve, for each factor of ten
Looks = dict[str, Look]


def plots(results: Results) -> list[Plot]:
    """All that the results have figures for."""
    if not results.rows:
        return []
    rows = results.rows
    names = [row.server for row in rows] + [found.server for found in results.highest_rates]
    look = looks(names)
    numbers = sorted({row.connections for row in rows})
    with styled():
        made = [_ratios(results, look)] if results.ratios else []
        made.append(_sweep(rows, look) if len(numbers) > 1 else cpu(rows, look))
        if any(row.bytes_per_idle_connection is not None for row in rows):
            made.append(_memory(rows, look))
        if results.highest_rates:
            made.append(_rates(results, look))
        made += [_latencies([r for r in rows if r.connections == n], look) for n in numbers]
    return made


# --- latency -----------------------------------------------------------------------------------


def _latencies(rows: Sequence[Row], look: Looks) -> Plot:
    figure, axes = figure_and_axes(3.4)
    for row in rows:
        _curve(axes, row, look[row.server])
    axes.set_xscale("log")
    axes.set_xlim(1)
    furthest = axes.get_xlim()[1]
    axes.xaxis.set_major_locator(
        FixedLocator([1, 2, *(10**n for n in range(1, 12) if 10**n <= furthest)])
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    make_logarithmic(axes, "y")
    axes.set_xlabel("percentile")
    axes.set_ylabel("latency, ms")
    add_legend(figure, {row.server: look[row.server] for row in rows})
    how = "a closed loop"
    if rows[0].rate is not None:
        how = "from when each request was due; hollow marks: from when it left"
    return finished(
        figure,
        f"Latency by percentile, {_connections(rows[0].connections)}",
        f"All slots together, {how}. Lower is better.",
    )


def _curve(axes: Axes, row: Row, look: Look) -> None:
    """On the axis of HdrHistogram's plots, 1 / (1 - p); it ends at the largest latency."""
    histogram = Histogram.decode(row.histogram)
    last = max(10.0, float(len(histogram)))
    steps = (10 ** (n / CURVE_POINTS) for n in range(CURVE_POINTS * 12))
    at = [*(x for x in steps if x < last), last]
    latency_ms = [max(1, histogram.percentile(100 * (1 - 1 / x))) / 1e6 for x in at]
    axes.plot(at, latency_ms, look.dash, color=look.color, linewidth=look.width)
    if (raw := row.uncorrected_s) is not None:
        axes.plot(
            (2, 10, 100, 1000),
            [max(1e-9, seconds) * 1e3 for seconds in (raw.p50, raw.p90, raw.p99, raw.p99_9)],
            look.mark, color=look.color, markerfacecolor="none", markersize=5,
        )  # fmt: skip


def _percent(x: float, _: object = None) -> str:
    """The percentile at a place of the axis.

    >>> _percent(1), _percent(2), _percent(1000)
    ('0%', '50%', '99.9%')
    """
    return f"{100 * (1 - 1 / x):.10g}%"


def _connections(number: int) -> str:
    return f"{number:,} connection{'s' * (number != 1)}"


# --- throughput, CPU, memory -------------------------------------------------------------------


def _sweep(rows: Sequence[Row], look: Looks) -> Plot:
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    throughput, cpu = figure.subplots(1, 2)
    for row in rows:
        bound = row.verdict == "GENERATOR-BOUND"
        for axes, value, hollow in (
            (throughput, row.requests_per_s, bound),
            (cpu, row.cpu_us_per_request, False),
        ):
            _mark(axes, row.connections, value, look[row.server], hollow)
    for server, one in look.items():
        own = sorted(
            ((row.connections, row) for row in rows if row.server == server), key=lambda one: one[0]
        )
        at = [connections for connections, _ in own]
        for axes, values in (
            (throughput, [row.requests_per_s for _, row in own]),
            (cpu, [row.cpu_us_per_request for _, row in own]),
        ):
            axes.plot(at, values, one.dash, color=one.color, linewidth=one.width)
    for axes, title in ((throughput, "requests a second"), (cpu, "CPU per request, us")):
        axes.set_title(title)
        axes.set_xscale("log")
        axes.set_xlabel("connections")
        axes.xaxis.set_major_locator(FixedLocator(sorted({row.connections for row in rows})))
        axes.xaxis.set_minor_locator(NullLocator())
        write_plainly(axes.xaxis)
    throughput.set_ylim(bottom=0)
    throughput.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
    make_logarithmic(cpu, "y")
    add_legend(figure, look)
    return finished(
        figure,
        "Throughput and CPU against connections",
        "Medians of the slots. A hollow mark: the generator was the bound.",
    )


def _rates(results: Results, look: Looks) -> Plot:
    figure, axes = figure_and_axes(3.4)
    for found in results.highest_rates:
        one = look[found.server]
        for trial in found.trials:
            _mark(axes, trial.rate, max(1e-9, trial.p99_s) * 1e3, one, not trial.kept)
        if found.rate:
            axes.axvline(found.rate, color=one.color, linestyle=one.dash, linewidth=one.width)
    bound_s = results.highest_rates[0].bound_s
    axes.axhline(bound_s * 1e3, color=INK, linewidth=0.8)
    make_logarithmic(axes, "x")
    make_logarithmic(axes, "y")
    axes.set_xlabel("requests a second")
    axes.set_ylabel("p99, ms")
    add_legend(figure, {found.server: look[found.server] for found in results.highest_rates})
    return finished(
        figure,
        f"The highest rate with p99 within {bound_s * 1e3:g} ms",
        "A mark for each rate that was tried; a hollow one was not kept: p99 was above the "
        "bound, or not all was answered. The upright line is the highest that was.",
    )


def _mark(axes: Axes, x: float, y: float, look: Look, hollow: bool) -> None:
    axes.plot(
        x, y, look.mark, color=look.color, markersize=5,
        markerfacecolor=PAPER if hollow else look.color, zorder=3,
    )  # fmt: skip


def cpu(rows: Sequence[Row], look: Looks) -> Plot:
    """CPU per request at one number of connections; call it while figures are `styled`."""
    figure, axes = figure_and_axes(0.7 + 0.32 * len(rows))
    slots = [[slot.metric("cpu_us_per_request") for slot in row.slots] for row in rows]
    medians = {row.server: row.cpu_us_per_request for row in rows}
    _bars(axes, medians, look, furthest=max(map(max, slots)))
    for place, values in enumerate(slots):
        axes.plot(values, [place] * len(values), "|", color=INK, markersize=9)
    axes.set_xlabel("us")
    return finished(
        figure,
        f"CPU per request, {_connections(rows[0].connections)}",
        "Of the server's process tree, user and system: the median of the slots, and a stroke for "
        "each slot. Lower is better.",
    )


def _memory(rows: Sequence[Row], look: Looks) -> Plot:
    found = {
        row.server: max(0.0, row.bytes_per_idle_connection)
        for row in rows
        if row.bytes_per_idle_connection is not None
    }
    figure, axes = figure_and_axes(0.7 + 0.32 * len(found))
    _bars(axes, found, look, furthest=max(found.values()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.set_xlabel("bytes")
    return finished(
        figure,
        "Memory per idle connection",
        "What the server's resident memory grows by for each. Lower is better.",
    )


def _bars(axes: Axes, values: dict[str, float], look: Looks, furthest: float) -> None:
    """Each with its name before it and its figure in the margin behind it."""
    colors = [look[server].color for server in values]
    axes.barh(range(len(values)), list(values.values()), 0.6, color=colors)
    labels = [f"{value:,.1f}" if value < 100 else f"{value:,.0f}" for value in values.values()]
    axes.set_yticks(range(len(values)), [f"{s}: {t}" for s, t in zip(values, labels, strict=True)])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, max(furthest, 1e-9) * 1.05)


# --- ratios ------------------------------------------------------------------------------------


def _ratios(results: Results, look: Looks) -> Plot:
    """A panel for each metric, a line for each pair of servers at each number of connections."""
    pairs = list(dict.fromkeys((one.b, one.connections) for one in results.ratios))
    bound = {(r.server, r.connections) for r in results.rows if r.verdict == "GENERATOR-BOUND"}
    figure = Figure(figsize=(WIDTH, 1.1 + 0.28 * len(pairs)), layout="constrained")
    panels = figure.subplots(1, len(METRICS), sharey=True)
    for metric, axes in zip(METRICS, panels, strict=True):
        for one in (ratio for ratio in results.ratios if ratio.metric == metric):
            both = {(one.a, one.connections), (one.b, one.connections)}
            hollow = metric != "cpu_us_per_request" and bool(bound & both)
            color = look[one.b].color if one.b in look else MUTED
            _ratio(axes, one, pairs.index((one.b, one.connections)), color, hollow)
        axes.axvline(1, color=INK, linewidth=0.8)
        make_logarithmic(axes, "x")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        better = "higher" if metric == "requests_per_s" else "lower"
        axes.set_title(NAMES[metric])
        axes.set_xlabel(f"{better} is better")
    panels[0].set_yticks(range(len(pairs)), [f"{server}, {number:,}" for server, number in pairs])
    panels[0].invert_yaxis()
    return finished(
        figure,
        f"Ratios: {results.ratios[0].a} / another server, at so many connections",
        "The median of the pairs and its interval of 95 %. The grey band is what the first server "
        "differs by from itself, run twice: an interval wholly outside it is a difference. A "
        "hollow mark: the generator was the bound, and the figure is its own.",
    )


def _ratio(axes: Any, ratio: Ratio, place: int, color: str, hollow: bool) -> None:
    if ratio.noise is not None:
        low, high = ratio.noise
        axes.barh(place, high - low, 0.8, left=low, color=BAND)
    axes.plot((ratio.low, ratio.high), (place, place), "-", color=color, linewidth=2)
    axes.plot(
        ratio.median, place, "o", color=color, markersize=6,
        markerfacecolor=PAPER if hollow else color,
    )  # fmt: skip
