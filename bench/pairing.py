"""Two servers compared in one run: slots A B B A, a ratio for each pair, the median of them.

What a machine does beside the benchmark changes within seconds, by more than the servers differ.
Two slots that follow each other have most of it in common, so their ratio holds where their
figures do not; and A goes first as often as second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Slot:
    """What one server did in one slot."""

    requests: int
    seconds: float
    cpu_s: float  # of the server
    p99_s: float = 0.0
    load_busy: float = 0.0  # the share of the slot in which the load client computed

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.requests * 1e6

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Ratio:
    """Of one figure, A / B: the median over the pairs, and the smallest and largest of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True)
class Pairs:
    slots: list[tuple[Slot, Slot]]

    def ratio(self, figure: str) -> Ratio:
        ratios = [getattr(a, figure) / getattr(b, figure) for a, b in self.slots]
        return Ratio(median(ratios), min(ratios), max(ratios))

    def medians(self, figure: str) -> tuple[float, float]:
        """The median of A's figure and of B's."""
        return (
            median(getattr(a, figure) for a, _ in self.slots),
            median(getattr(b, figure) for _, b in self.slots),
        )


def in_pairs(a: Any, b: Any, slot: Callable[[Any], Slot], pairs: int) -> Pairs:
    """Call ``slot`` for a and b in turn: A B, B A, A B ..."""
    slots = []
    for number in range(pairs):
        if number % 2:
            second = slot(b)
            slots.append((slot(a), second))
        else:
            first = slot(a)
            slots.append((first, slot(b)))
    return Pairs(slots)


def table(rows: list[list[str]]) -> str:
    """Columns: the first to the left, the others to the right; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
