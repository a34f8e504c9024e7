"""For users of asyncio: a reactor and asyncio in one thread, on one epoll.

    async def main():
        async with AsyncClient() as client:
            response = await client.get("https://example.org/")

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())

`reactor.net.hosted` is how.
"""

from __future__ import annotations

from reactor.apps.async_function import stream_body
from reactor.client.awaited import AsyncClient, AsyncWebSocket, connect_websocket
from reactor.net.hosted import ReactorSelector, new_event_loop, running_reactor

__all__ = [
    "AsyncClient",
    "AsyncWebSocket",
    "ReactorSelector",
    "connect_websocket",
    "new_event_loop",
    "running_reactor",
    "stream_body",
]
