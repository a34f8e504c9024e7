"""The client, awaited: for who runs asyncio on a reactor's selector (`reactor.aio`)."""

from __future__ import annotations

import asyncio
from typing import Any, BinaryIO

from reactor.client.blocking import Collected
from reactor.client.client import Client
from reactor.client.request import GivenFields
from reactor.limits import CLIENT_LIMITS, Limits
from reactor.net.hosted import running_reactor
from reactor.parser._message import Response


class AsyncClient:
    """`Client`, awaited. Make it where a loop of `new_event_loop` runs.

    ``options`` are `Client`'s.
    """

    def __init__(self, limits: Limits = CLIENT_LIMITS, **options: Any) -> None:
        self.client = Client(running_reactor(), limits, **options)

    async def get(self, url: str, **options: Any) -> Response:
        """`request` with GET."""
        return await self.request("GET", url, **options)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: GivenFields = (),
        body: bytes | BinaryIO | None = None,
        max_time_s: float | None = None,
    ) -> Response:
        """The response with its whole body, of at most ``limits.fetched_body_bytes_max``.

        To be cancelled cancels the transfer. What streams uses ``client``, with callbacks.

        Raises:
            FetchError: the URL, the name, the connection or the response failed.
            LocalProtocolError: a method or a field that no server may be sent.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        collected = Collected(self.client.limits)

        def done(error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        transfer = self.client.request(
            method,
            url,
            headers=headers,
            body=body,
            max_time_s=max_time_s,
            on_head=lambda head, _: collected.head_received(head),
            on_body=collected.body_received,
            on_done=done,
        )
        try:
            await future
        finally:
            transfer.cancel()
        return collected.response()

    def close(self) -> None:
        """End what is under way: its callers get a FetchError. Idempotent."""
        self.client.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()
