"""`AsyncClient` in a loop that is not ours: `asyncio.run` as everybody writes it."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from processes import given_back, open_descriptors

from reactor import Response, Server
from reactor.aio import AsyncClient
from reactor.errors import FetchError
from reactor.limits import CLIENT_LIMITS


def page(request):
    if request.path == "/away":
        return Response(302, {"Location": "/page"}, b"")
    return Response(200, {}, request.target.encode())


@pytest.fixture(scope="module")
def url():
    with Server(page, port=0) as server:
        yield server.urls[0]


def test_it_answers_under_plain_asyncio_run(url):
    async def main():
        async with AsyncClient() as client:
            answers = await asyncio.gather(*(client.get(f"{url}{n}") for n in range(50)))
            again = [(await client.get(f"{url}{n}")).body for n in range(10)]
            away = await client.get(f"{url}away")
        return [answer.body for answer in answers], again, away.body

    first, again, away = asyncio.run(main())
    assert first == [b"/%d" % number for number in range(50)]
    assert again == [b"/%d" % number for number in range(10)]
    assert away == b"/page"


def test_asyncio_goes_on_meanwhile(url):
    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        async with AsyncClient() as client:
            for _ in range(20):
                await client.get(url)
        ticking.cancel()
        return ticks

    assert asyncio.run(main()) > 20


def test_timers_are_its_own(url):
    """A bound on a transfer, and the pause before another try."""

    async def main():
        silent = socket.create_server(("127.0.0.1", 0))
        where = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        limits = CLIENT_LIMITS.replace(retry_pause_s=0.02)
        async with AsyncClient(limits) as client:
            with pytest.raises(FetchError) as late:
                await client.get(where, max_time_s=0.1)
            silent.close()
            with pytest.raises(FetchError) as refused:
                await client.get(where)
        return late.value.exit_code, refused.value.exit_code

    assert asyncio.run(main()) == (28, 7)


def test_a_cancelled_await_cancels_its_transfer(url):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as silent:
            where = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            async with AsyncClient() as client:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.get(where), 0.05)
                return (await client.get(url)).status

    assert asyncio.run(main()) == 200


def test_who_awaits_is_told_of_the_end():
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as silent:
            client = AsyncClient()
            asked = asyncio.ensure_future(
                client.get(f"http://127.0.0.1:{silent.getsockname()[1]}/")
            )
            await asyncio.sleep(0.01)
            client.close()
            client.close()
            with pytest.raises(FetchError, match="closed"):
                await asked

    asyncio.run(main())


def test_an_idle_client_takes_no_turns(url):
    async def main():
        async with AsyncClient() as client:
            await client.get(url)
            await asyncio.sleep(0.05)
            before = time.process_time()
            await asyncio.sleep(0.3)
            return time.process_time() - before

    assert asyncio.run(main()) < 0.15


def test_nothing_is_left(url):
    async def main():
        async with AsyncClient() as client:
            await client.get(url)

    asyncio.run(main())
    before = open_descriptors()
    for _ in range(20):
        asyncio.run(main())
    given_back(before)
