"""The native handler that waits: a coroutine function from a request to a response.

    async def app(request):
        rows = await database.fetch(request.path)
        return Response(200, {}, render(rows))

It runs in a Task, as an ASGI application does (`_tasks.pyx`): what waits for nothing is answered
at once.
A body may be an async iterable, whose pieces leave one by one. A handler with
``streams_bodies = True`` is called when the head has come, and takes the body by `stream_body`.

Must never know: framing, a socket, asyncio by name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from reactor.apps._tasks import CallTask, Tasks
from reactor.apps.asgi import hosted_tasks, is_disconnect
from reactor.apps.asgi_websocket import others
from reactor.http._exchange import Exchange
from reactor.http.blame import name_of
from reactor.http.body import not_bytes
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.parser._message import Request, Response
from reactor.parser.websocket_answer import WebSocketAnswer

EVENT_STREAM = "text/event-stream"
AsyncHandler = Callable[[Request], Awaitable[Response]]

# The call whose task this is, for `stream_body`.
_current: ContextVar[_Call] = ContextVar("_current")


class AsyncFunctionApp:
    """An app that awaits ``function(request)``."""

    needs_asyncio = True

    def __init__(self, function: AsyncHandler, limits: Limits = DEFAULT_LIMITS) -> None:
        self.function = function
        self.name = name_of(function)
        self.streams_bodies = bool(getattr(function, "streams_bodies", False))
        streamed = self.streams_bodies
        self.body_bytes_max = limits.streamed_bytes_max if streamed else limits.body_bytes_max
        self.abandoned_grace_s = limits.abandoned_grace_s
        self.stop_notice_s = limits.stop_notice_s

    def hosted(self, reactor: Any, loop: Any) -> None:
        """Learn the loop that its tasks run in; to be called before anything else."""
        self.tasks: Tasks = hosted_tasks(reactor, loop)

    @property
    def going(self) -> set[Any]:
        return self.tasks.going

    def respond(self, request: Request) -> Response | Exchange:
        call = _Call(self, request)
        self.tasks.begin(call.task)
        if call.failure is not None:
            failure, call.failure = call.failure, None
            raise failure
        if call.response is not None:
            return call.response
        exchange: Exchange = call.exchange or call.attached()
        return exchange


class _Call:
    """One call; what a `CallTask` drives."""

    def __init__(self, app: AsyncFunctionApp, request: Request) -> None:
        self.app = app
        self.request = request
        self.exchange: Any = None  # once the answer is to come later
        self.response: Response | None = None
        self.failure: BaseException | None = None
        self.task = CallTask(self)
        self.streaming = self.sent_lately = self.abandoned = self.ends_anywhere = False
        self.waiting: list[Any] = []
        self.pieces: deque[bytes] | None = None
        self.body_came = request.complete

    def attached(self) -> Any:
        """Its exchange: the answer comes by it."""
        if self.exchange is None:
            exchange: Any = self.request.exchange
            exchange.on_room = self.wake
            exchange.on_disconnect = self._gone
            exchange.on_drain = self._stops
            self.exchange = exchange
        return self.exchange

    @property
    def waited_for(self) -> Request | None:
        """The request, while its answer has not begun."""
        over = self.exchange is not None and self.exchange.over
        return None if self.streaming or over else self.request

    # --- what drives it -------------------------------------------------------------------

    def begin(self) -> Any:
        _current.set(self)
        return self._answered()

    async def _answered(self) -> Response | None:
        response: Any = await self.app.function(self.request)
        if isinstance(response, WebSocketAnswer):
            response = self.attached().websocket(*response)
        if isinstance(response, Exchange):
            self.exchange = response  # it answers by that: a WebSocket, most often
            return None
        if not isinstance(response, Response):
            kind = type(response).__name__
            raise TypeError(f"a handler returns a Response, not {kind}")
        if not hasattr(response.body, "__aiter__"):
            return response
        await self._push(response)
        return None

    def returned(self, response: Response | None) -> None:
        if response is None or (self.exchange is not None and self.exchange.over):
            return
        if self.exchange is None:
            self.response = response
        else:
            self.exchange.respond(response)

    def raised(self, exception: BaseException) -> None:
        cancelled = isinstance(exception, self.app.tasks.cancelled)
        if self.exchange is None:
            self.failure = exception
        elif not self.exchange.over:
            if cancelled and self.abandoned and self.ends_anywhere:
                self.exchange.end()  # an EventSource comes again by itself
            else:
                self.exchange.fail(exception)
        elif not cancelled and not is_disconnect(exception):
            self.app.tasks.reactor.report(exception, f"answering {self.request!r}")

    # --- an answer in pieces --------------------------------------------------------------

    async def _push(self, response: Response) -> None:
        exchange, pieces = self.attached(), response.body
        kind = response.headers.get("content-type", "").lower()
        self.ends_anywhere = response.content_length is None and kind.startswith(EVENT_STREAM)
        try:
            async for piece in pieces:
                if not isinstance(piece, bytes):
                    raise not_bytes(piece)
                if exchange.over:
                    return  # the client has gone, or the server has ended it
                self.sent_lately = self.sent_lately or piece != b""
                if self.streaming:
                    exchange.send(piece)
                else:
                    exchange.begin(response.with_body(b""), piece)
                    self.streaming = True
                exchange.flush()
                if not piece:
                    await others()  # there is nothing yet: whoever says so for ever holds up nobody
                while not exchange.room and not exchange.over:
                    await self.wait()
            if self.streaming and not exchange.over:
                exchange.end()
            elif not exchange.over:
                exchange.respond(response.with_body(b""))
        finally:
            if hasattr(pieces, "aclose"):
                await pieces.aclose()

    # Nobody else wakes a generator that waits for something, and has no client any more.

    def _gone(self) -> None:
        self.wake()
        self._look_later(self.app.abandoned_grace_s)

    def _stops(self) -> None:
        self._look_later(self.app.stop_notice_s)

    def _look_later(self, seconds: float) -> None:
        self.sent_lately = False
        self.app.tasks.reactor.call_later(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        exchange, task = self.exchange, self.task.task
        if task is None or (exchange.over and not self.streaming):
            return
        if self.sent_lately or not (exchange.over or exchange.disconnected):
            self._look_later(seconds)
        elif self.streaming:
            self.abandoned = True
            task.cancel()

    # --- a request's body in pieces -------------------------------------------------------

    async def next_piece(self) -> bytes:
        """The next bytes of the body; none at its end. Raises ConnectionResetError."""
        if self.pieces is None:
            self.pieces = deque([self.request.body] if self.body_came else [])
            if not self.body_came:
                self.attached().read_body(self._take)
        while not self.pieces and not self.body_came:
            if self.exchange.over or self.exchange.disconnected:
                raise ConnectionResetError("the client has gone in the middle of its body")
            await self.wait()
        if not self.pieces:
            return b""
        if not self.body_came:
            self.exchange.resume_body()
        return self.pieces.popleft()

    def _take(self, data: bytes, last: bool) -> None:
        self.body_came = last
        if data and self.pieces is not None:
            self.pieces.append(data)
            if not last:
                self.exchange.pause_body()
        self.wake()

    async def wait(self) -> None:
        future = self.app.tasks.loop.create_future()
        self.waiting.append(future)
        await future

    def wake(self) -> None:
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


async def stream_body(request: Request) -> AsyncIterator[bytes]:
    """The body of the request that this handler answers, in pieces as they come.

    Raises:
        ConnectionResetError: the client has gone in the middle of it.
        RuntimeError: this is no task of an async handler for that request.
    """
    call = _current.get(None)
    if call is None or call.request is not request:
        raise RuntimeError("only the handler of a request reads its body")
    while piece := await call.next_piece():
        yield piece
