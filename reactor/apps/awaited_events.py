"""Server-sent events out of an async iterable, with a heartbeat while it has nothing to say.

For a handler that waits (`async def`), and for what streams an async iterable under ASGI. What an
event is: `events.py`. Must never know: a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from typing import Any

from reactor.apps.events import HEARTBEAT, Event, encode, fields
from reactor.parser._message import Response


def events(
    source: AsyncIterable[Event],
    *,
    heartbeat_s: float = 15.0,
    retry_s: float | None = None,
    headers: Any = (),
) -> Response:
    """As `reactor.events`, of an async iterable; the ``body`` of the response is one of bytes.

    After ``heartbeat_s`` without an event a comment is sent: proxies let silent connections go, and
    a client that has gone without a word is noticed by it.
    """
    return Response(200, fields(headers), _encoded(source, heartbeat_s, retry_s))


async def _encoded(
    source: AsyncIterable[Event], heartbeat_s: float, retry_s: float | None
) -> AsyncIterator[bytes]:
    items = aiter(source)
    coming: asyncio.Future[Event] | None = None
    try:
        if retry_s is not None:
            yield encode({"retry_s": retry_s})
        while True:
            if coming is None:
                coming = asyncio.ensure_future(anext(items))
            # It is not cancelled by the heartbeat: what it waits for may be lost then.
            await asyncio.wait([coming], timeout=heartbeat_s)
            if not coming.done():
                yield HEARTBEAT
                continue
            try:
                item = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield encode(item)
    finally:
        if coming is not None and coming.cancel():
            with suppress(asyncio.CancelledError):
                await coming
        if hasattr(items, "aclose"):
            await items.aclose()
