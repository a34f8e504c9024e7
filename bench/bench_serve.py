"""The reactor against the thread-per-connection model: same application, real sockets.

    pytest bench/bench_serve.py      each for itself, and installed peers, by pytest-benchmark
    python bench/bench_serve.py      both in pairs, A B B A; this is the table to believe

The server has one core, the load generator (reactor.load) another; each is a process of its own.
Every response is checked whole. Needs nothing but the extra `bench`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from command import end_with
from pairing import Pairs, Slot, in_pairs, table

from reactor.bench.answers import FIELDS
from reactor.bench.peers import NAMES, OURS, Peers
from reactor.bench.served.apps import BODY, SMALL, content, make_site
from reactor.bench.servers import NotServed, Server, cores, missing, ours
from reactor.errors import LoadError
from reactor.load import Expect, Generator, Plan

CONNECTIONS = 64
REQUESTS = 4_000  # of a benchmark's round
SLOT_S = 1.0
PAIRS = 5
MODELS = ("reactor", "threads")
GROUP = f"{{}}, {CONNECTIONS} connections, {REQUESTS} requests"


@dataclass(frozen=True)
class App:
    """What is served, and what must come back."""

    name: str
    target: str
    path: str
    body: bytes


def applications(site: Path) -> list[App]:
    make_site(site)
    return [
        App("native Hello, World!", "apps:hello", "/", BODY),
        App("static file, 1 KiB", str(site), f"/{SMALL[0]}", content(SMALL[1])),
    ]


class Load:
    """The load generator, connected to one server."""

    def __init__(self, server: Server, generator: Generator) -> None:
        self._server = server
        self._generator = generator

    def slot(self, requests: int) -> Slot:
        before = self._server.cpu_seconds()
        try:
            made = self._generator.run(requests=requests)
        except LoadError as error:
            raise NotServed(f"{self._server.name}: {error}") from error
        cpu = self._server.cpu_seconds() - before
        if made.errors:
            raise NotServed(f"{self._server.name}: {made.errors}, {made.first_error}")
        p99_s = made.latency.percentile(99) / 1e9
        return Slot(requests, made.wall_s, cpu, p99_s, load_busy=made.busy)


def loaded(model: str, app: App) -> AbstractContextManager[Load]:
    return loading(Server(model, ours(app.target, "--model", model), app.path), app.body)


@contextmanager
def loading(starting: Server, body: bytes) -> Iterator[Load]:
    """The server on its core, and a load generator that is connected to it."""
    with starting as server:
        fields = {**FIELDS, "Connection": "keep-alive"}
        plan = Plan((server.url,), CONNECTIONS, headers=fields, expect=(Expect(body=body),))
        try:
            with Generator(plan, cores()[1]) as generator:
                yield Load(server, generator)
        except LoadError as error:
            raise NotServed(f"{server.name}: {error}") from error


# --- by pytest-benchmark -------------------------------------------------------------------


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("number", range(2), ids=["native", "static"])
def test_serve(benchmark, tmp_path: Path, number: int, model: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    app = applications(site)[number]
    benchmark.group = GROUP.format(app.name)
    with loaded(model, app) as load:
        measure(benchmark, load)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Peers:
    folder = tmp_path_factory.mktemp("peers")
    site = folder / "site"
    site.mkdir()
    return Peers(folder, site)


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
# nginx+cache differs from nginx in files only.
@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*OURS, "nginx+cache")])
@pytest.mark.benchmark(group=GROUP.format("native Hello, World!"))
def test_peer(benchmark, peers: Peers, name: str) -> None:
    """Those that are installed; how each is started is in reactor/bench/peers.py."""
    if name in peers.unusable:
        pytest.skip(f"{name}: {peers.unusable[name]}")
    with loading(peers.server(name), BODY) as load:
        measure(benchmark, load)


def measure(benchmark, load: Load) -> None:
    slots: list[Slot] = []
    benchmark.pedantic(
        lambda: slots.append(load.slot(REQUESTS)), rounds=5, iterations=1, warmup_rounds=1
    )
    benchmark.extra_info["server_cpu_us_per_request"] = min(slot.cpu_us for slot in slots)
    benchmark.extra_info["requests_per_s"] = max(slot.rate for slot in slots)


# --- in pairs ------------------------------------------------------------------------------


def compare(app: App, pairs: int, slot_s: float) -> Pairs:
    with ExitStack() as stack:
        a, b = (stack.enter_context(loaded(model, app)) for model in MODELS)
        # Each its own number of requests, so that their slots last equally long.
        count = {load: _requests_in(load, slot_s) for load in (a, b)}
        return in_pairs(a, b, lambda load: load.slot(count[load]), pairs)


def _requests_in(load: Load, seconds: float) -> int:
    load.slot(REQUESTS)  # warms it up
    return max(CONNECTIONS, int(load.slot(REQUESTS).rate * seconds))


def _rows(name: str, pairs: Pairs) -> list[list[str]]:
    cells = []
    for figure, text, digits in (("cpu_us", "CPU us/request", 1), ("rate", "requests/s", 0)):
        a, b = pairs.medians(figure)
        ratio = str(pairs.ratio(figure))
        cells.append([f"{name}: {text}", f"{a:,.{digits}f}", f"{b:,.{digits}f}", ratio])
    return cells


def main() -> int:
    parser = argparse.ArgumentParser(description="reactor against threads, in pairs")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--slot", type=float, default=SLOT_S, metavar="SECONDS")
    options = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    rows = [[f"{CONNECTIONS} kept-alive connections", *MODELS, "ratio (min-max)"]]
    busy = 0.0
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        site.mkdir()
        for app in applications(site):
            pairs = compare(app, options.pairs, options.slot)
            rows += _rows(app.name, pairs)
            busy = max(busy, pairs.medians("load_busy")[0])
    print(table(rows))
    print(f"\nMedians of {options.pairs} pairs of {options.slot:g} s, A B B A.")
    if busy > 0.85:
        print(
            f"The load generator was busy for {busy:.0%} of the reactor's slots: GENERATOR-BOUND. "
            "Requests/s are then its limit; CPU per request holds."
        )
    return 0


if __name__ == "__main__":
    end_with(main)
