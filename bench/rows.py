"""Every row of this project's comparisons, with its goal: is it met?

    python bench/rows.py                                all rows; an hour or more
    python bench/rows.py wsgi-varied native-varied      these
    python bench/rows.py --python PEERS/bin/python      the interpreter that has the peers
    python bench/rows.py --before OLD/bin/python        each row of ours against an earlier reactor

A row is one run of `reactor.bench`'s comparison (docs/bench.md): slots in turn, all launched anew
after two rounds, a bootstrap over launches, the noise of a server against itself. A goal is met,
or not, if the whole interval says so. The exit code is 1 if one is not, or was not measured.
The rows are data, in server_rows.py and get_rows.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import get_rows
import server_rows
from command import end_with
from goals import HEAD, NOT_MEASURED, NOT_MET, Line
from pairing import table

from reactor.bench.environment import load_average, observe
from reactor.bench.peers import Peers
from reactor.bench.results import Plan
from reactor.bench.served.apps import make_site
from reactor.bench.servers import missing, raise_descriptor_limit

NAMES = (*server_rows.ROWS, *get_rows.ROWS)
WARM_UP_S = 0.5


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="rows of servers and clients, with their goals")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of: {', '.join(NAMES)}")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--slot", type=float, default=0.6, metavar="SECONDS")
    parser.add_argument("--python", default=sys.executable, help="where the peers are installed")
    parser.add_argument("--before", metavar="PATH", help="the interpreter of an earlier reactor")
    chosen = parser.parse_args()
    if unknown := {*chosen.rows} - {*NAMES}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return chosen


def lines(chosen: argparse.Namespace, folder: Path) -> Iterator[Line]:
    names = chosen.rows or NAMES
    plan = Plan("", 64, None, 1, True, chosen.pairs, chosen.slot, WARM_UP_S, 1)
    if of_servers := [name for name in names if name in server_rows.ROWS]:
        site = folder / "site"
        site.mkdir()
        make_site(site)
        peers = Peers(folder, site, chosen.python)
        print(", ".join(f"{name} {version}" for name, version in peers.versions().items()))
        for name in of_servers:
            yield from server_rows.measure(name, plan, peers, chosen.before, tell)
    if of_get := [name for name in names if name in get_rows.ROWS]:
        folder.chmod(0o755)
        place = folder / "get"
        place.mkdir()
        yield from get_rows.measure_all(of_get, place, chosen.python, chosen.before, plan, tell)


def tell(sentence: str) -> None:
    """The line that says what goes on, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{sentence[:100]}")
        sys.stderr.flush()


def main() -> int:
    chosen = options()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    raise_descriptor_limit()
    where = observe(sys.argv, {})
    print(f"{where.cpu}, {where.kernel}, Python {where.python}, revision {where.git_revision}")
    shown, verdicts = [HEAD], set()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for line in lines(chosen, Path(folder)):
                tell("")
                print("  ".join(line.cells()), file=sys.stderr, flush=True)
                shown.append(line.cells())
                verdicts.add(line.verdict())
    finally:  # after an interrupt too: an hour may have passed
        print(table(shown))
        print(
            f"\n{chosen.pairs} pairs of {chosen.slot:g} s; load average "
            f"{where.load_average[0]:g} to {load_average():g}."
        )
    return int(bool(verdicts & {NOT_MET, NOT_MEASURED}))


if __name__ == "__main__":
    end_with(main)
