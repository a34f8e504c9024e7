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
    interrupted,
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
Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def text(results: Results) -> str:
    """All of it, as it is printed where there is no terminal."""
    lines = _opening(results)
    for table in _tables(results):
        lines += [*_padded(table), ""]
    return "".join(f"{line}\n" for line in (*lines, *remarks(results)))


def show(results: Results) -> None:
    """All of it, on stdout."""
    if sys.stdout is None or not sys.stdout.isatty():
        Output(sys.stdout).write(text(results))
        return
    columns = get_terminal_size().columns
    _say(_wrapped(_opening(results), columns))
    for table in _tables(results):
        lines = _padded(table)
        # Where it is too wide for the terminal rich would cut figures off.
        if max(map(len, lines)) <= columns:
            _rich(*table)
        else:
            _say([*lines, ""])
    _say(_wrapped(remarks(results), columns))


def _opening(results: Results) -> list[str]:
    lines = [machine(results)] if results.rows else []
    if not results.complete:
        lines.append(interrupted(results))
    return lines


def _tables(results: Results) -> list[Table]:
    """Those with rows."""
    tables: list[Table] = [
        (SPEED_HEAD, [speed_cells(row) for row in results.rows]),
        (SENT_HEAD, sent_cells(results.rows)),
        (COST_HEAD, [cost_cells(row) for row in results.rows]),
        (RATIO_HEAD, [ratio_cells(ratio) for ratio in results.ratios]),
        (RATE_HEAD, [rate_cells(found) for found in results.highest_rates]),
    ]
    return [table for table in tables if table[1]]


def _padded(table: Table) -> list[str]:
    """The first column to the left, the others to the right."""
    head, rows = table
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for cells in (head, *rows):
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _wrapped(sentences: Sequence[str], columns: int) -> list[str]:
    """Between words."""
    return [line for sentence in sentences for line in wrap(sentence, columns)]


def _say(lines: Sequence[str]) -> None:
    Output(sys.stdout).write("".join(f"{line}\n" for line in lines))


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
