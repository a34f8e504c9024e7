"""One WebSocket of an ASGI application (ASGI's WebSocket specification 2.5).

    websocket.connect ─┬─ accept ───────> 101; messages both ways ─> websocket.disconnect
                       ├─ close ────────> 403, and websocket.disconnect 1006
                       └─ http.response ─> the application's own answer, and the same

The messages that have come wait in a queue with a bound: above it the peer is not read. After the
disconnect `receive` gives it again, and `send` raises OSError.

Must never know: frames, HTTP's framing, asyncio by name.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any

from reactor.errors import ClientDisconnected
from reactor.http._websocket import WebSocket
from reactor.http.websocket import Handshake
from reactor.http.websocket_queue import MessageQueue
from reactor.parser._message import Response

Message = dict[str, Any]

# Sends that need not wait, before everybody else has a turn: a broadcast to thousands is one step.
SENDS_IN_A_ROW_MAX = 64
# RFC 6455 7.4.1: what is not in a frame, but is told of the end.
LOST = 1006


class WebSocketCall:
    """The call of ``app`` for a request that may become a WebSocket; what a `CallTask` drives."""

    __slots__ = (
        *("_app", "_scope", "_exchange", "_handshake", "_request", "_new_future", "_connected"),
        *("_socket", "_denial", "_denying", "_end", "_queue", "_sends", "_receivers", "_senders"),
    )

    def __init__(self, app: Any, scope: Message, exchange: Any, handshake: Handshake) -> None:
        self._app = app
        self._scope = scope
        self._exchange = exchange
        self._handshake: Any = handshake
        self._request = exchange.request
        self._new_future = app.loop.create_future
        self._connected = False  # websocket.connect was received
        self._socket: _Socket | None = None
        self._denial: Response | None = None  # its head is held until the first piece of its body
        self._denying = False
        self._end: Message | None = None  # the disconnect
        self._queue: MessageQueue | None = None  # once it is open
        self._sends = 0
        self._receivers: list[Any] = []  # lists: they are small when they are empty
        self._senders: list[Any] = []
        exchange.on_disconnect = self._gone
        exchange.on_drain = self._drain

    # --- what drives it -------------------------------------------------------------------

    def begin(self) -> Any:
        return self._app.application(self._scope, self.receive, self.send)

    def returned(self, value: Any) -> None:
        if self._socket is not None:
            self._socket.close(1000)
        elif self._end is None:
            self.raised(RuntimeError("the application returned, and accepted or closed nothing"))

    def raised(self, exception: BaseException) -> None:
        cancelled = isinstance(exception, self._app.cancelled)
        known = cancelled or (self._end is not None and self._app.is_disconnect(exception))
        if self._socket is not None:
            if not known:
                self._app.report(exception, self._request)
            self._socket.close(1012 if cancelled else 1011)
        elif not self._exchange.over:
            self._exchange.fail(exception)
        elif not known:
            self._app.report(exception, self._request)

    # --- receive --------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next message. What is there is given without a suspension."""
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        queue = self._queue
        while queue is None or not queue:
            if self._end is not None:
                return dict(self._end)
            # Not a coroutine of its own: nearly every message is waited for here.
            future = self._new_future()
            self._receivers.append(future)
            try:
                await future
            finally:
                self._receivers.remove(future)
            queue = self._queue
        data = queue.take()
        if isinstance(data, str):
            return {"type": "websocket.receive", "text": data}
        return {"type": "websocket.receive", "bytes": data}

    def put(self, data: str | bytes) -> None:
        """A message has come."""
        if self._queue is not None:
            self._queue.put(data)
        for future in self._receivers:
            if not future.done():
                future.set_result(None)

    def ended(self, code: int, reason: str) -> None:
        """Nothing more comes, or can be sent. The first word counts."""
        if self._end is None:
            self._end = {"type": "websocket.disconnect", "code": code, "reason": reason}
        _wake(self._receivers)
        _wake(self._senders)

    def has_room(self) -> None:
        _wake(self._senders)

    # --- send -----------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Raises ClientDisconnected when nobody takes it any more; RuntimeError, ValueError or
        TypeError for what may not be sent."""
        kind = message["type"]
        if kind == "websocket.send":
            if not self._give(message):
                await self._room()
        elif kind == "websocket.close":
            self._close(message)
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.http.response.start":
            self._deny(message)
        elif kind == "websocket.http.response.body":
            await self._deny_body(message)
        else:
            raise ValueError(f"{kind!r} is no message that a WebSocket has")

    def _give(self, message: Message) -> bool:
        """Hand a message over; whether more may be given at once."""
        socket = self._socket
        if socket is None:
            self._check_open()
            raise RuntimeError("websocket.send was sent before websocket.accept")
        data: Any = message.get("bytes")
        if data is None:
            data = message.get("text")
        if data is None:
            raise ValueError("websocket.send has neither bytes nor a text")
        if self._end is not None or socket.closed:
            raise ClientDisconnected("the WebSocket is closed")
        socket.send(data)
        self._sends += 1
        return self._sends < SENDS_IN_A_ROW_MAX and socket.room

    async def _room(self) -> None:
        socket = self._socket
        self._sends = 0
        if socket is not None and socket.room:
            await others()
        while socket is not None and not socket.room:
            if self._end is not None or socket.closed:
                raise ClientDisconnected("the WebSocket is closed")
            await self._wait(self._senders)

    def _accept(self, message: Message) -> None:
        if self._socket is not None or self._denial is not None or self._denying:
            raise RuntimeError("websocket.accept was sent to what is accepted or denied already")
        if self._end is not None or self._exchange.over:
            return  # the client has left, which `receive` says
        headers = [
            (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
            for name, value in message.get("headers") or ()
        ]
        socket = _Socket(self)
        self._queue = MessageQueue(socket)  # messages may come with the head
        self._handshake.accept(socket, message.get("subprotocol"), headers)
        self._socket = socket
        self._exchange = self._handshake = None  # they are over: most of a connection is idle

    def _close(self, message: Message) -> None:
        code, reason = message.get("code"), message.get("reason") or ""
        code = 1000 if code is None else code
        if self._socket is not None:
            if self._end is not None:
                raise ClientDisconnected("the WebSocket is closed")
            self._socket.close(code, reason)
            self.ended(code, reason)
            return
        self._check_open()
        self._respond(Response(403))

    def _check_open(self) -> None:
        if self._denying or self._denial is not None:
            raise RuntimeError("the answer of a denial was begun already")
        if self._end is not None:
            raise ClientDisconnected("the client has gone, or was denied already")

    # --- a denial that is an answer -------------------------------------------------------

    def _deny(self, message: Message) -> None:
        if self._socket is not None:
            raise RuntimeError("websocket.http.response.start was sent behind websocket.accept")
        self._check_open()
        headers = list(message.get("headers") or ())
        kept, _ = self._app.without_the_machines(headers)
        self._denial = Response(message["status"], kept)

    async def _deny_body(self, message: Message) -> None:
        if self._denial is None:
            raise RuntimeError("websocket.http.response.body was sent before its start")
        data, more = bytes(message.get("body", b"")), bool(message.get("more_body", False))
        if self._exchange.over:
            raise ClientDisconnected("the client has gone: nobody takes the answer")
        if not self._denying and not more:
            self._respond(self._denial.with_body(data))
            return
        if not self._denying:
            self._denying = True
            self._exchange.begin(self._denial, data)
            self._exchange.on_room = self.has_room
        else:
            self._exchange.send(data)
        if not more:
            self._exchange.end()
            self.ended(LOST, "")
            return
        self._exchange.flush()
        while not self._exchange.over and not self._exchange.room:
            await self._wait(self._senders)

    def _respond(self, response: Response) -> None:
        if not self._exchange.over:
            self._exchange.respond(response)
        self._denying = True
        self.ended(LOST, "")

    # --- before it is open ----------------------------------------------------------------

    def _gone(self) -> None:
        self.ended(LOST, "")

    def _drain(self) -> None:
        if self._socket is None and not self._denying and not self._exchange.over:
            self._respond(Response(503, {"Content-Type": "text/plain"}, "the server stops\n"))

    async def _wait(self, waiting: list[Any]) -> None:
        future = self._new_future()
        waiting.append(future)
        try:
            await future
        finally:
            waiting.remove(future)


class _Socket(WebSocket):
    """What the connection tells the call."""

    __slots__ = ("_call", "on_message")
    reads_while_full = True

    def __init__(self, call: WebSocketCall) -> None:
        super().__init__()
        self._call = call
        self.on_message = call.put  # type: ignore[method-assign]

    def on_room(self) -> None:
        self._call.has_room()

    def on_drain(self) -> None:
        self.close(1012, "service restart")
        self._call.ended(1012, "service restart")

    def on_close(self, code: int, reason: str) -> None:
        self._call.ended(code, reason)


def _wake(waiting: list[Any]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)


@types.coroutine
def others() -> Generator[None, None, None]:
    """Let everybody else have a turn."""
    yield
