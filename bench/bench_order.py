"""How wrong is a ratio of two equal servers, by the order of their slots?

    python bench/bench_order.py         about a minute and a half

Two processes of the same server. In *blocks*, as servers are mostly compared, one has all its
slots, then the other; in *turns* they go A B B A. The right ratio is 1: the table has how far from
it the medians were, and how many of the intervals of 95 % left it out. Both orders take turns, so
that the machine does the same beside them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench_serve import Load, applications, loaded
from command import end_with
from pairing import Slot, in_pairs, table

from reactor.bench.servers import missing
from reactor.bench.statistics import interval

FIGURES = {"CPU per request": "cpu_us", "requests/s": "rate", "p99": "p99_s"}


def in_blocks(
    a: Load, b: Load, slot: Callable[[Load], Slot], pairs: int
) -> list[tuple[Slot, Slot]]:
    first = [slot(a) for _ in range(pairs)]
    return list(zip(first, [slot(b) for _ in range(pairs)], strict=True))


def in_turns(a: Load, b: Load, slot: Callable[[Load], Slot], pairs: int) -> list[tuple[Slot, Slot]]:
    return in_pairs(a, b, slot, pairs).slots


def measured(trials: int, pairs: int, requests: int) -> dict[tuple[str, str], list[tuple]]:
    """(figure, order): the intervals of the trials."""
    found: dict[tuple[str, str], list[tuple]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        app = applications(Path(folder))[0]
        a, b = (stack.enter_context(loaded("reactor", app)) for _ in range(2))
        for load in (a, b):
            load.slot(requests)  # warms it up
        for _ in range(trials):
            for name, order in (("blocks", in_blocks), ("turns", in_turns)):
                slots = order(a, b, lambda load: load.slot(requests), pairs)
                for figure, of in FIGURES.items():
                    ratios = [getattr(one, of) / getattr(other, of) for one, other in slots]
                    found.setdefault((figure, name), []).append(
                        interval([[ratio] for ratio in ratios])
                    )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="two equal servers, in blocks and in turns")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--requests", type=int, default=4_000, help="of a slot")
    given = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    rows = [["ratio of equal servers", "slots in", "median error", "worst", "intervals without 1"]]
    for (figure, order), found in measured(given.trials, given.pairs, given.requests).items():
        off = [max(middle, 1 / middle) - 1 for middle, _, _ in found]
        without = sum(not low <= 1 <= high for _, low, high in found)
        rows.append(
            [figure, order, f"{median(off):.1%}", f"{max(off):.1%}", f"{without} of {len(found)}"]
        )
    print(table(rows))
    return 0


if __name__ == "__main__":
    end_with(main)
