"""The seam to asyncio: a reactor's sockets and asyncio's in one loop."""

from __future__ import annotations

import asyncio

import pytest

from reactor import Inet
from reactor.aio import AsyncClient, new_event_loop, running_reactor
from reactor.errors import FetchError
from reactor.net import Protocol


class Hello(Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if b"/never" not in data:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def run(main):
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main())


def serve():
    listener = running_reactor().listen(Inet("127.0.0.1", 0), Hello)
    return f"http://127.0.0.1:{listener.addresses[0].port}"


def test_many_awaited_at_once_while_asyncio_does_its_own():
    async def main():
        url = serve()
        closed = asyncio.Event()
        server = await asyncio.start_server(lambda *ends: _echo(*ends, closed), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with AsyncClient() as client:
            gets = [client.get(url) for _ in range(20)]
            *responses, echoed, slept = await asyncio.gather(
                *gets, _ask_echo(port), asyncio.sleep(0.01, "slept")
            )
        await closed.wait()
        server.close()
        await server.wait_closed()
        assert [response.body for response in responses] == [b"hello"] * 20
        assert (echoed, slept) == (b"asyncio\n", "slept")

    run(main)


async def _echo(reader, writer, closed):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    closed.set()


async def _ask_echo(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"asyncio\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_cancelled_await_cancels_its_transfer():
    async def main():
        url = serve()
        async with AsyncClient(per_host=1) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.get(f"{url}/never")
            assert (await client.get(url)).body == b"hello"

    run(main)


def test_failures_are_raised_where_they_are_awaited():
    async def main():
        async with AsyncClient() as client:
            with pytest.raises(FetchError, match="is the server started"):
                await client.get("http://127.0.0.1:1/")
            with pytest.raises(FetchError, match="no http URL"):
                await client.get("ftp://a/")

    run(main)


def test_a_loop_without_a_reactor_says_what_to_do():
    async def main():
        with pytest.raises(RuntimeError, match="loop_factory"):
            running_reactor()

    asyncio.run(main())
