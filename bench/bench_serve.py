"""The reactor, the thread-per-connection model and installed peers, each for itself.

    pytest bench/bench_serve.py

This follows one machine over time. To say which server is faster, compare them: `reactor bench`,
`python bench/rows.py`. The server has one core, the load generator (reactor.load) another; each is
a process of its own. Every response is checked whole. Needs nothing but the extra `bench`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pairing import Slot

from reactor.bench.answers import FIELDS
from reactor.bench.peers import NAMES, OURS, Peers
from reactor.bench.served.apps import BODY, SMALL, content, make_site
from reactor.bench.servers import NotServed, Server, cores, missing, ours
from reactor.errors import LoadError
from reactor.load import Expect, Generator, Plan

CONNECTIONS = 64
REQUESTS = 4_000  # of a benchmark's round
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
