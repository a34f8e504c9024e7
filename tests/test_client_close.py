"""A client that is closed ends what is under way, wherever it stands."""

from __future__ import annotations

import asyncio
import socket

import pytest
from test_aio import run, serve
from transfers import QUICK, Bench, response

from reactor import Limits
from reactor.aio import AsyncClient
from reactor.errors import FetchError
from reactor.limits import DEFAULT_LIMITS


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    for client in bench.clients:
        client.close()
    bench.reactor.close()


def never(request):
    return b""


def half(request):
    return response(b"hello")[:-2]


def busy(request):
    return response(status="503 Busy", Retry_After="30")


@pytest.mark.parametrize("answer", [never, half, busy])
def test_requests_that_were_sent_or_wait_are_ended(bench, answer):
    site = bench.site(answer)
    client = bench.client(DEFAULT_LIMITS, per_host=2)
    results = [bench.ask(client, site.url, max_time_s=60) for _ in range(5)]
    while len(site.requests) < 2:
        bench.reactor.run_once(1)
    bench.reactor.run_once(0)
    client.close()
    assert [result.error.exit_code for result in results] == [42] * 5
    assert "the client was closed" in str(results[0].error)
    client.close()
    # Those that waited have not been given the connections of those that ended.
    for _ in range(3):
        bench.reactor.run_once(0)
    assert site.connections == 2


def test_a_name_and_a_connection_that_are_waited_for(bench):
    client = bench.client(DEFAULT_LIMITS.replace(resolvers_max=0))  # nobody looks names up
    with socket.create_server(("127.0.0.1", 0)) as full:
        port = full.getsockname()[1]
        asked = [
            bench.ask(client, f"http://127.0.0.1:{port}/"),
            bench.ask(client, "http://host.invalid/"),
            bench.ask(client, f"https://127.0.0.1:{port}/"),
        ]
        bench.reactor.run_once(0)
        client.close()
    assert [result.error.exit_code for result in asked] == [42] * 3


def test_what_a_callback_raises_is_raised_when_all_have_ended(bench):
    site = bench.site(never)
    client = bench.client(QUICK)
    told = []

    def done(error):
        told.append(error)
        client.request("GET", site.url, on_head=print, on_body=print, on_done=print)

    for _ in range(3):
        client.request("GET", site.url, on_head=print, on_body=print, on_done=done)
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.close()
    assert len(told) == 3


@pytest.mark.parametrize("options", [{}, {"max_time_s": 60}])
def test_who_awaits_is_told(options):
    async def main():
        url = serve()
        async with AsyncClient(Limits()) as client:
            waiting = [asyncio.ensure_future(client.get(f"{url}/never", **options)) for _ in "abc"]
            await client.get(url)
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in told] == [FetchError] * 3
        client.close()
        with pytest.raises(RuntimeError, match="the client is closed"):
            await client.get(url)

    run(main)
