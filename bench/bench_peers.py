"""Our server against others, pair by pair, with wrk: CPU per request, requests/s, memory.

    python bench/bench_peers.py                          every row
    python bench/bench_peers.py --rows native,wsgi --pairs 7 --slot 3
    python bench/bench_peers.py --rows memory
    python bench/bench_peers.py --python OTHER/bin/python    the interpreter that has the peers

A row is one workload, and what we must be within; each line of it is one peer, compared with us
A B B A. Servers have one core and wrk another. Peers that are not installed are named and left
out. Needs wrk, a C compiler for the floor, and nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from command import end_with
from pairing import Pairs, Ratio, in_pairs, table
from wrk import Load, found, slot

from reactor.bench.memory import idle_slope
from reactor.bench.peers import Peers
from reactor.bench.served.apps import BODY, LARGE, SMALL, content, make_site
from reactor.bench.servers import (
    NotServed,
    Server,
    missing,
    raise_descriptor_limit,
)

FAST_WSGI = ("bjoern", "fastwsgi", "fastpysgi", "granian")
IDLE = 9_000
KEPT_ALIVE = Load()


@dataclass(frozen=True)
class Row:
    """One workload: us, against whom, and the goal for the ratio of a figure."""

    what: str
    us: str
    peers: tuple[str, ...]
    goals: tuple[str, ...]  # one for all peers, or one for each
    load: Load = KEPT_ALIVE
    peer_load: Load | None = None  # if it is not the same
    path: str = "/"
    body: bytes = BODY
    figure: str = "cpu_us"

    def goal(self, peer: str) -> str:
        return self.goals[self.peers.index(peer)] if len(self.goals) > 1 else self.goals[0]


ROWS = {
    "native": Row(
        "native handler", "reactor", ("floor", "nginx"), ("at most 1.15", "at most 1.00")
    ),
    "native-reused": Row(
        "native handler, one response for all",
        "native-reused",
        ("floor", "nginx"),
        ("at most 1.15", "at most 1.00"),
    ),
    "wsgi": Row(
        "WSGI application",
        "wsgi",
        ("floor", *FAST_WSGI, "uvicorn", "gunicorn", "waitress"),
        ("at most 1.20", *["at most 0.90"] * 4, "", "", ""),
    ),
    "close": Row(
        "Connection: close", "reactor", ("nginx",), ("at most 1.05",), load=Load(close=True)
    ),
    "static": Row(
        "static file, 1 KiB",
        "static",
        ("nginx", "nginx+cache"),
        ("at most 0.60", "at most 1.00"),
        path=f"/{SMALL[0]}",
        body=content(SMALL[1]),
    ),
    "static-large": Row(
        "static file, 1 MiB",
        "static",
        ("nginx",),
        ("at most 1.10",),
        path=f"/{LARGE[0]}",
        body=content(LARGE[1]),
    ),
    "wsgi-1000": Row(
        "WSGI, 1,000 connections, against 64",
        "wsgi",
        ("wsgi",),
        ("at most 1.50",),
        load=Load(connections=1000),
        peer_load=KEPT_ALIVE,
    ),
    "threads": Row("WSGI application", "wsgi", ("wsgi-threads",), ("at most 0.60",)),
    "threads-1000": Row(
        "WSGI, 1,000 connections: p99 of the latency",
        "wsgi",
        ("wsgi-threads",),
        ("at most 0.20",),
        load=Load(connections=1000),
        figure="p99_s",
    ),
    "pipelined": Row(
        "WSGI, 16 pipelined: requests/s",
        "wsgi",
        ("nginx", "bjoern", "fastwsgi", "fastpysgi"),
        ("at least 4", *["at least 20"] * 3),
        load=Load(pipelined=16),
        figure="rate",
    ),
}
MEMORY = ("reactor", "threads", "nginx", *FAST_WSGI, "uvicorn", "gunicorn", "waitress")


def compare(row: Row, peer: str, peers: Peers, pairs: int, seconds: int) -> Pairs:
    """Raises NotServed if one of the two gives a wrong answer, before, after or in a slot."""
    with ExitStack() as stack:
        a = stack.enter_context(peers.server(row.us, row.path))
        b = stack.enter_context(peers.server(peer, row.path))
        loads = {a: row.load, b: row.peer_load or row.load}
        measured = partial(_slot, loads, row.body)
        for server in (a, b):
            if row.load.pipelined > 1:
                server.fetch_pipelined(row.body, row.load.pipelined)
            measured(server, 1)  # warms it up
        return in_pairs(a, b, lambda server: measured(server, seconds), pairs)


def _slot(loads: dict[Server, Load], body: bytes, server: Server, seconds: int):
    server.fetch(body)
    done = slot(server, loads[server], seconds)
    server.fetch(body)
    return done


def speed(names: list[str], peers: Peers, pairs: int, seconds: int) -> Iterator[list[str]]:
    head = ["what / against", "goal", "ratio (min-max)", "CPU us/request", "requests/s", "p99 ms"]
    yield head
    for name in names:
        row = ROWS[name]
        for peer in row.peers:
            label = f"{row.what} / {peer}"
            if peer in peers.unusable:
                yield [label, row.goal(peer), peers.unusable[peer], "", "", ""]
                continue
            try:
                pairs_made = compare(row, peer, peers, pairs, seconds)
            except NotServed as error:
                yield [label, row.goal(peer), str(error)[:60], "", "", ""]
                continue
            yield [label, row.goal(peer), *_cells(row, pairs_made)]


def _cells(row: Row, pairs: Pairs) -> list[str]:
    def two(figure: str, factor: float, digits: int) -> str:
        a, b = pairs.medians(figure)
        if not a * b:
            return "-"  # wrk has no latency of batches that come in pieces
        return f"{a * factor:,.{digits}f} / {b * factor:,.{digits}f}"

    ratio: Ratio = pairs.ratio(row.figure)
    return [str(ratio), two("cpu_us", 1, 2), two("rate", 1, 0), two("p99_s", 1e3, 1)]


def memory(peers: Peers, connections: int) -> Iterator[list[str]]:
    """The slope: what one connection more takes when it is idle, kept alive, answered once."""
    yield ["idle kept-alive connections", "bytes/connection", "RSS at 0", "threads", "descriptors"]
    for name in MEMORY:
        if name in peers.unusable:
            yield [name, peers.unusable[name], "", "", ""]
            continue
        try:
            yield [name, *_slope(peers.server(name), connections)]
        except NotServed as error:
            yield [name, str(error)[:60], "", "", ""]


def _slope(server: Server, connections: int) -> list[str]:
    with server:
        slope, before, after = idle_slope(server, BODY, connections)
    rss = f"{before.rss_bytes / 1e6:.1f} MB"
    return [f"{slope:,.0f}", rss, f"{after.threads:,}", f"{after.descriptors:,}"]


def shown(lines: Iterator[list[str]]) -> str:
    """Tells each line on stderr as it comes; the table of all of them."""
    rows = []
    for line in lines:
        print("  ".join(line), file=sys.stderr, flush=True)
        rows.append(line)
    return table(rows)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="our server against others, in pairs, with wrk")
    names = [*ROWS, "memory"]
    parser.add_argument("--rows", default=",".join(names), help="of: %(default)s")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--slot", type=int, default=2, metavar="SECONDS")
    parser.add_argument("--idle", type=int, default=IDLE, help="connections of the row memory")
    parser.add_argument("--python", default=sys.executable, help="where the peers are installed")
    chosen = parser.parse_args()
    chosen.rows = chosen.rows.split(",")
    if unknown := set(chosen.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return chosen


def main() -> int:
    chosen = options()
    why = missing() or (None if found() else "wrk is not installed (Debian: apt install wrk)")
    if why:
        print(why, file=sys.stderr)
        return 1
    files = raise_descriptor_limit()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        site.mkdir()
        make_site(site)
        peers = Peers(Path(folder), site, chosen.python)
        print(", ".join(f"{name} {version}" for name, version in peers.versions().items()))
        rows = [name for name in chosen.rows if name != "memory"]
        if rows:
            print(f"\n{shown(speed(rows, peers, chosen.pairs, chosen.slot))}")
            print(
                f"\nMedians of {chosen.pairs} pairs of {chosen.slot} s, A B B A, us / peer; the "
                "ratio is of CPU per request where the row does not say otherwise."
            )
        if "memory" in chosen.rows:
            print(f"\n{shown(memory(peers, min(chosen.idle, files - 500)))}")
    return 0


if __name__ == "__main__":
    end_with(main)
