"""The words and tables of a comparison: by rich on a terminal, in plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reactor.bench.results import Metric, Ratio, Results, Row
from reactor.cli.output import Output

HEAD = (
    *("server", "conns", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU us/req", "MB"),
    *("B/idle conn", "threads", "switches/req", "generator", "verdict"),
)
RATIO_HEAD = ("ratio", "conns", "of", "median", "95 %", "A/A noise", "a difference?")
NAMES: dict[Metric, str] = {
    "cpu_us_per_request": "CPU per request",
    "requests_per_s": "requests/s",
    "p99_s": "p99",
}


def row_cells(row: Row) -> list[str]:
    latency = (row.latency_s.p50, row.latency_s.p99, row.latency_s.p99_9)
    idle = row.bytes_per_idle_connection
    return [
        row.server,
        f"{row.connections:,}",
        f"{row.requests_per_s:,.0f}",
        *(f"{seconds * 1e3:,.2f}" for seconds in latency),
        f"{row.cpu_us_per_request:,.1f}",
        f"{row.rss_bytes / 1e6:,.1f}",
        "-" if idle is None else f"{idle:,.0f}",
        f"{row.threads:,}",
        f"{row.context_switches_per_request:.2f}",
        f"{row.generator_cpu:.0%}",
        row.verdict,
    ]


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


def show(results: Results) -> None:
    """All of it, on stdout."""
    environment = results.environment
    lines = [
        f"{environment.cpu}, {environment.kernel}, Python {environment.python}, "
        f"load average {environment.load_average[0]:g} to {environment.load_average[1]:g}"
    ]
    if not results.complete:
        lines.append("Interrupted: these are the slots until then.")
    _say(lines)
    _table(HEAD, [row_cells(row) for row in results.rows])
    _table(RATIO_HEAD, [ratio_cells(ratio) for ratio in results.ratios])
    why = [f"{row.server}, {row.connections:,} connections: {row.verdict}, {row.why}."
           for row in results.rows if row.why]  # fmt: skip
    if any(row.verdict == "GENERATOR-BOUND" for row in results.rows):
        why.append("Where the generator was the bound, only CPU per request compares the servers.")
    _say(why)


def _say(lines: Sequence[str]) -> None:
    Output(sys.stdout).write("".join(f"{line}\n" for line in lines))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    if sys.stdout is not None and sys.stdout.isatty():
        _rich(head, rows)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for cells in (head, *rows):
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        _say(["  ".join(padded).rstrip()])
    _say([""])


def _rich(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index else "left")
    for cells in rows:
        table.add_row(*cells)
    Console().print(table)
