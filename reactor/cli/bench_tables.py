"""The tables of a comparison: by rich on a terminal, in plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from textwrap import wrap

from reactor.bench.cells import (
    COST_HEAD,
    RATE_HEAD,
    RATIO_HEAD,
    SENT_HEAD,
    SPEED_HEAD,
    cost_cells,
    machine,
    rate_cells,
    ratio_cells,
    remarks,
    sent_cells,
    speed_cells,
)
from reactor.bench.results import Results
from reactor.cli.output import Output

GAP = "  "


def show(results: Results) -> None:
    """All of it, on stdout."""
    lines = [machine(results)] if results.rows else []
    if not results.complete:
        lines.append("Interrupted: these are the slots until then.")
    _say(_wrapped(lines))
    _table(SPEED_HEAD, [speed_cells(row) for row in results.rows])
    _table(SENT_HEAD, sent_cells(results.rows))
    _table(COST_HEAD, [cost_cells(row) for row in results.rows])
    _table(RATIO_HEAD, [ratio_cells(ratio) for ratio in results.ratios])
    _table(RATE_HEAD, [rate_cells(found) for found in results.highest_rates])
    _say(_wrapped(remarks(results)))


def _wrapped(sentences: Sequence[str]) -> list[str]:
    """Between words, on a terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return list(sentences)
    columns = get_terminal_size().columns
    return [line for sentence in sentences for line in wrap(sentence, columns)]


def _say(lines: Sequence[str]) -> None:
    Output(sys.stdout).write("".join(f"{line}\n" for line in lines))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    whole = sum(widths) + len(GAP) * (len(widths) - 1)
    # Where it is too wide for the terminal rich would cut figures off.
    if sys.stdout is not None and sys.stdout.isatty() and whole <= get_terminal_size().columns:
        _rich(head, rows)
        return
    for cells in (head, *rows):
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        _say([GAP.join(padded).rstrip()])
    _say([""])


def _rich(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index else "left")
    for cells in rows:
        table.add_row(*cells)
    Console().print(table, "")
