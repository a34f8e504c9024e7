"""The tables of a comparison: by rich on a terminal, in plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reactor.bench.cells import (
    HEAD,
    RATE_HEAD,
    RATIO_HEAD,
    machine,
    rate_cells,
    ratio_cells,
    remarks,
    row_cells,
)
from reactor.bench.results import Results
from reactor.cli.output import Output


def show(results: Results) -> None:
    """All of it, on stdout."""
    lines = [machine(results)]
    if not results.complete:
        lines.append("Interrupted: these are the slots until then.")
    _say(lines)
    _table(HEAD, [row_cells(row) for row in results.rows])
    _table(RATIO_HEAD, [ratio_cells(ratio) for ratio in results.ratios])
    _table(RATE_HEAD, [rate_cells(found) for found in results.highest_rates])
    _say(remarks(results))


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
