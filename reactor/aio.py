"""For users of asyncio: a reactor and asyncio in one thread, on one epoll.

    async def main():
        async with AsyncClient() as client:
            response = await client.get("https://example.org/")

    asyncio.run(main())

In a loop of `new_event_loop` the client shares the loop's epoll, and there it may serve, too:

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())

`reactor.net.guest` and `reactor.net.hosted` are how.
"""

from __future__ import annotations

from reactor.apps.async_function import stream_body
from reactor.apps.awaited_events import events
from reactor.client.awaited import AsyncClient, AsyncWebSocket, connect_websocket
from reactor.net.hosted import ReactorSelector, new_event_loop, running_reactor

__all__ = [
    "AsyncClient",
    "AsyncWebSocket",
    "ReactorSelector",
    "connect_websocket",
    "events",
    "new_event_loop",
    "running_reactor",
    "stream_body",
]
