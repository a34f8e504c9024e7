"""The pool of a client's connections: its bounds, also while who asked waits for another try."""

from __future__ import annotations

import pytest
import transfers
from transfers import QUICK, response

bench = transfers.bench


def test_who_waits_for_another_try_shares_the_bound_of_those_who_came_meanwhile(bench):
    count = iter(range(99))

    def answer(request):
        if next(count) == 0:
            # Its connection ends, and with it the pool, which had no other.
            return response(status="503 Busy", Connection="close")
        return response(b"hello")

    site = bench.site(answer)
    client = bench.client(QUICK.replace(retry_pause_s=0.2), per_host=1)
    first = bench.ask(client, site.url)
    while not client.pools.by_key or site.connections == 0 or site.open:
        bench.reactor.run_once(0.05)
    others = [bench.ask(client, site.url) for _ in range(3)]
    bench.run()
    assert [result.error for result in (first, *others)] == [None] * 4
    assert [result.body for result in (first, *others)] == [b"hello"] * 4
    assert site.open_max == 1
    # Its second try found the connection of the others.
    assert site.connections == 2


def test_of_all_pools_the_connection_goes_that_is_idle_longest(bench):
    sites = [bench.site(lambda request: response(b"hello")) for _ in range(3)]
    client = bench.client(QUICK.replace(idle_connections_max=2))
    for site in sites:
        assert bench.get(site.url, client=client).error is None
    for _ in range(3):
        bench.reactor.run_once(0.01)
    assert [site.open for site in sites] == [0, 1, 1]
    assert len(client.pools.idle) == len(client.pools.by_key) == 2
    assert bench.get(sites[1].url, client=client).error is None
    assert sites[1].connections == 1


@pytest.mark.parametrize("closing", [True, False])
def test_a_pool_without_connections_is_forgotten(bench, closing):
    fields = {"Connection": "close"} if closing else {}
    site = bench.site(lambda request: response(b"hello", **fields))
    client = bench.client()
    bench.get(site.url, client=client)
    bench.reactor.run_once(0.01)
    assert len(client.pools.by_key) == (0 if closing else 1)
    client.close()
    for _ in range(3):
        bench.reactor.run_once(0.01)
    assert not client.pools.by_key
    assert not client.pools.idle
