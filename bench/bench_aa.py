"""Does the comparison see what is there, and nothing else?

    python bench/bench_aa.py            20 runs of a server against itself, 20 against a slower one
    python bench/bench_aa.py --runs 5 --only same

The same server twice may be called a difference at most once in 20 runs; a server whose handler
burns 10 % more CPU per request must be found in at least 18. The figure that decides is CPU per
request: on most machines our server is faster than the load generator, and then requests a second
are the generator's. The burn is calibrated once, before the runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from command import end_with

from reactor.bench.answers import Right
from reactor.bench.comparison import Comparison, Contender
from reactor.bench.results import Plan, Ratio
from reactor.bench.served.apps import BODY
from reactor.bench.servers import (
    Command,
    Server,
    missing,
    ours,
)

METRIC = "cpu_us_per_request"
# A module for each burn: its number is not looked up while it serves.
SLOWER = """
import apps

def hello(request, rounds=range({rounds}), answer=apps.hello):
    for _ in rounds:
        pass
    return answer(request)
"""
CALIBRATING_ROUNDS = 500
WARM_UP_S = 0.2
SLOWDOWN = 0.10


def burning(folder: Path, rounds: int) -> Command:
    """Our server with so many empty rounds of a loop in its handler."""
    (folder / f"burning_{rounds}.py").write_text(SLOWER.format(rounds=rounds))
    command = ours(f"burning_{rounds}:hello")
    return lambda port: ["env", f"--chdir={folder}", *command(port)]


def compared(options: argparse.Namespace, other: Command, pairs: int, seed: int) -> Ratio:
    """Our server over the other: what the comparison says of their CPU per request."""
    plan = Plan("hello", 64, None, 1, True, pairs, options.slot, WARM_UP_S, seed)
    contenders = [
        Contender("reactor", lambda: Server("reactor", ours("apps:hello"))),
        Contender("other", lambda: Server("other", other)),
    ]
    results = Comparison(plan, contenders, right=Right(BODY)).run([plan.connections])
    if results.failures:
        sys.exit(results.failures[0].sentence)
    return next(ratio for ratio in results.ratios if ratio.metric == METRIC)


def slower_command(options: argparse.Namespace, folder: Path) -> Command:
    """Calibrated: what the rounds cost is proportional, so one measurement says how many."""
    ratio = compared(options, burning(folder, CALIBRATING_ROUNDS), options.pairs, 1)
    burnt = 1 / ratio.median - 1
    return burning(folder, max(1, round(CALIBRATING_ROUNDS * SLOWDOWN / burnt)))


def runs(options: argparse.Namespace, kind: str, folder: Path) -> int:
    """How often a difference was called."""
    called = 0
    other = ours("apps:hello") if kind == "same" else slower_command(options, folder)
    for number in range(options.runs):
        ratio = compared(options, other, options.pairs, number)
        called += bool(ratio.difference)
        noise = ratio.noise or [0.0, 0.0]
        print(
            f"{kind} {number + 1}: CPU per request {ratio.median:.3f} "
            f"({ratio.low:.3f}-{ratio.high:.3f}), A/A {noise[0]:.3f}-{noise[1]:.3f}: "
            f"{'a difference' if ratio.difference else 'none'}",
            flush=True,
        )
    return called


def main() -> int:
    parser = argparse.ArgumentParser(description="is a difference called when there is one?")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--slot", type=float, default=0.2, metavar="SECONDS")
    parser.add_argument("--only", choices=("same", "slower"))
    options = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    right = True
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "slower":
            called = runs(options, "same", Path(folder))
            right = called <= options.runs / 20
            print(f"The same server: {called} of {options.runs} called a difference (at most 5 %)")
        if options.only != "same":
            called = runs(options, "slower", Path(folder))
            right = right and called >= 0.9 * options.runs
            print(f"10 % slower: {called} of {options.runs} called a difference (at least 90 %)")
    return 0 if right else 1


if __name__ == "__main__":
    end_with(main)
