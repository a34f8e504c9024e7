"""The clients, awaited: for who runs asyncio on a reactor's selector (`reactor.aio`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterable
from typing import Any, BinaryIO

from reactor.client._transfer import Transfer
from reactor.client.blocking import Collected
from reactor.client.client import Client
from reactor.client.request import GivenFields
from reactor.client.websocket import connect
from reactor.errors import FetchError, WebSocketClosed
from reactor.http._websocket import WebSocket
from reactor.http.websocket_queue import MessageQueue
from reactor.limits import CLIENT_LIMITS, Limits
from reactor.net.guest import Guest
from reactor.net.hosted import has_reactor, running_reactor
from reactor.parser._message import Response


class AsyncClient:
    """`Client`, awaited. Make it where an asyncio loop runs.

    In a loop of `new_event_loop` it shares the loop's epoll; in any other one, as that of
    `asyncio.run`, it has one of its own, which costs a few more calls for each answer.
    ``options`` are `Client`'s.
    """

    def __init__(self, limits: Limits = CLIENT_LIMITS, **options: Any) -> None:
        self._guest = None if has_reactor() else Guest(limits.fetch_read_bytes_max)
        if self._guest is None:
            self.client = Client(running_reactor(), limits, **options)
        else:
            self.client = _GuestClient(self._guest, limits, **options)

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

        transfer = collected.start(self.client, method, url, headers, body, max_time_s, done)
        try:
            await future
        finally:
            transfer.cancel()
        return collected.response()

    def close(self) -> None:
        """End what is under way: its callers get a FetchError. Idempotent."""
        self.client.close()
        if self._guest is not None:
            self._guest.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()


class _GuestClient(Client):
    """Of a loop that knows nothing of it: it says when it has something to do."""

    def __init__(self, guest: Guest, limits: Limits, **options: Any) -> None:
        super().__init__(guest.reactor, limits, **options)
        self._guest = guest

    def request(self, *args: Any, **options: Any) -> Transfer:
        transfer = super().request(*args, **options)
        self._guest.poke()
        return transfer


class AsyncWebSocket:
    """A WebSocket that is open, awaited; what `connect_websocket` gives.

    ``async for`` gives its messages until the server closes in order (1000 or 1001).

    Attributes:
        response: the server's answer to the handshake.
        socket: what is underneath: ``subprotocol``, ``client``, ``extra_info``.
    """

    response: Response

    def __init__(self, limits: Limits) -> None:
        self.socket = _Awaited(self)
        self._queue = MessageQueue(self.socket, limits)
        self._loop = asyncio.get_running_loop()
        self._waiters: list[asyncio.Future[None]] = []
        self._closed: WebSocketClosed | None = None

    async def receive(self) -> str | bytes:
        """The next message. Raises WebSocketClosed when none will come."""
        while not len(self._queue):
            if self._closed is not None:
                raise self._closed
            await self._change()
        return self._queue.take()

    async def send(self, data: Any) -> None:
        """Send a message, and wait while the peer takes nothing.

        Raises:
            WebSocketClosed: it is closed.
            TypeError, UnicodeEncodeError: as `WebSocket.send`.
        """
        if self.socket.closed:
            raise self._closed or WebSocketClosed(1006, "")
        self.socket.send(data)
        while not self.socket.room and self._closed is None and not self.socket.closed:
            await self._change()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and wait for the end. Idempotent."""
        self.socket.close(code, reason)
        while self._closed is None:
            await self._change()

    def abort(self) -> None:
        self.socket.abort()

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except WebSocketClosed as closed:
            if closed.code in (1000, 1001):
                raise StopAsyncIteration from None
            raise

    async def _change(self) -> None:
        future = self._loop.create_future()
        self._waiters.append(future)
        try:
            await future
        finally:
            if future in self._waiters:
                self._waiters.remove(future)

    def changed(self, closed: WebSocketClosed | None = None) -> None:
        self._closed = self._closed or closed
        waiters, self._waiters = self._waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    def came(self, data: str | bytes) -> None:
        self._queue.put(data)
        self.changed()


class _Awaited(WebSocket):
    # Whoever awaits reads and writes in one task, perhaps: it would wait for itself.
    reads_while_full = True

    def __init__(self, owner: AsyncWebSocket) -> None:
        self._owner = owner
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_open(self, request: Response) -> None:
        self._owner.response = request
        if not self.opened.done():
            self.opened.set_result(None)

    def on_message(self, data: str | bytes) -> None:
        self._owner.came(data)

    def on_room(self) -> None:
        self._owner.changed()

    def on_close(self, code: int, reason: str) -> None:
        self._owner.changed(WebSocketClosed(code, reason))


class connect_websocket:
    """Open a WebSocket where a loop of `new_event_loop` runs.

        async with connect_websocket("wss://example.com/chat") as socket:
            await socket.send("hello")
            async for message in socket:
                ...

    ``await connect_websocket(url)`` gives the same `AsyncWebSocket`, to be closed by its user.

    Args:
        client: of which trust store, proxies and limits are; by default one made with ``options``,
            as `Client` has them.

    Raises:
        FetchError: the URL, the name, the connection or the handshake failed.
        LocalProtocolError: a field or a sub-protocol that no server may be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        subprotocols: Iterable[str] = (),
        headers: GivenFields = (),
        deflate: bool = True,
        client: Client | None = None,
        **options: Any,
    ) -> None:
        self._url = url
        self._how = {"subprotocols": subprotocols, "headers": headers, "deflate": deflate}
        self._client = client
        self._options = options
        self._socket: AsyncWebSocket | None = None

    def __await__(self) -> Generator[Any, None, AsyncWebSocket]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncWebSocket:
        self._socket = await self._open()
        return self._socket

    async def __aexit__(self, *exc_info: object) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def _open(self) -> AsyncWebSocket:
        client = self._client or Client(running_reactor(), **self._options)
        socket = AsyncWebSocket(client.limits)
        opened = socket.socket.opened

        def failed(error: FetchError) -> None:
            if not opened.done():
                opened.set_exception(error)

        connecting = connect(client, self._url, socket.socket, failed, **self._how)  # type: ignore[arg-type]
        try:
            await opened
        except asyncio.CancelledError:
            connecting.cancel()
            if not socket.socket.closed:
                socket.abort()
            raise
        finally:
            if self._client is None:
                client.close()  # its resolver; the connection is the socket's
        return socket
