"""The client's role: requests out, responses in.

The machine tells an `Exchange` what comes: interim responses are swallowed (up to
a bound), then the head, the body in pieces, and the end; or an error, once. It is
told nothing after the end or the error. A body that is sent is pulled, piece by piece, while
the transport takes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from reactor._message import Headers, Response
from reactor._protocol import Transport
from reactor.errors import ProtocolError, RemoteProtocolError
from reactor.http._framing import Body, End
from reactor.http._incoming import Incoming
from reactor.http.ascii import lower
from reactor.http.states import TRANSITIONS, Event, State
from reactor.limits import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Exchange:
    """What the user of a client learns about one request's response."""

    def head_received(self, response: Response) -> None:
        """The final response's head; its body follows."""

    def body_received(self, data: bytes) -> None:
        """Some bytes of the body, decoded from chunks, at least one."""

    def completed(self, trailers: Headers) -> None:
        """The response is whole. Called last, unless `failed` is."""

    def failed(self, error: Exception) -> None:
        """The response will never be whole. Called last, unless `completed` is."""


class ClientMachine(Incoming):
    """Sends one request after another on one connection; one is under way at a time."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.limits = limits
        self.reading = State.IDLE
        self.writing = State.IDLE
        # Whether anything of the response under way has come.
        self.heard = False
        self.transport: Any = None
        self._exchange: Exchange | None = None
        self._pieces: Iterator[bytes] | None = None
        self._interim = 0
        self._keep_alive = True
        self._paused = self._full = False

    @property
    def ready(self) -> bool:
        """Whether `send` may be called now."""
        return self.writing is State.IDLE and self.reading is State.IDLE

    def send(
        self,
        method: str,
        message: bytes,
        exchange: Exchange,
        pieces: Iterator[bytes] | None = None,
    ) -> None:
        """Send a serialised request; ``exchange`` is told of its response.

        ``pieces`` are sent after the message as they are; they have the framing that it says.
        """
        if not self.ready:
            raise RuntimeError("the response to the previous request is still under way")
        self._exchange = exchange
        self._interim = 0
        self.heard = False
        self.parser.expect(method)
        self.move_writing(Event.START)
        self.transport.write(message)
        self.transport.set_deadline(self.limits.response_timeout_s)
        if pieces is None:
            self.move_writing(Event.END)
            return
        self.move_writing(Event.BODY)
        self._pieces = pieces
        self._pump()

    def pause(self) -> None:
        """Take no more of the response until `resume`. It may be called from a callback."""
        if self._exchange is not None and not self._paused:
            self._paused = True
            self.transport.pause_reading()
            self.transport.set_deadline(None)

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
            self.transport.set_deadline(self.limits.response_timeout_s)
            self.transport.call_soon(self.pull)  # what was received before the pause

    def cancel(self) -> None:
        """Give up the response under way, and the connection. Nobody is told."""
        self._exchange = None
        self._abort()

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport

    def wants(self) -> bool:
        if self.closed:
            return False
        if self._exchange is None:
            # RFC 9112 9.2: a response that nobody asked for cannot be told from the next one.
            self._close()
            return False
        if self.reading is State.IDLE:
            self.move_reading(Event.START)
            self.heard = True
        self.transport.set_deadline(self.limits.response_timeout_s)
        return True

    def eof_received(self) -> bool:
        if self._exchange is not None:
            try:
                self.parser.eof()
                self.pull()
            except ProtocolError as error:
                self._fail(error)
            if self._exchange is not None and not self._paused:
                self._fail(
                    RemoteProtocolError(400, "incomplete", "the response did not come whole")
                )
        return self._exchange is not None

    def deadline_expired(self) -> None:
        if self.transport.get_write_buffer_size():
            # The peer still takes the request; the transport watches that it does.
            self.transport.set_deadline(self.limits.response_timeout_s)
        else:
            self._fail(TimeoutError("the server sent nothing for too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._exchange is not None:
            lost = exc or ConnectionError("the connection was closed before the response was whole")
            self._fail(lost)
        self.close_sides()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._pump()

    def _pump(self) -> None:
        """Send what the transport takes of the request's body."""
        while self._pieces is not None and not self._full and not self.closed:
            try:
                piece = next(self._pieces, None)
            except Exception as error:
                self._fail(error)
                return
            if piece is None:
                self._pieces = None
                self.move_writing(Event.END)
                self.transport.set_deadline(self.limits.response_timeout_s)
            else:
                self.transport.write(piece)

    def pull(self) -> None:
        try:
            while (
                self._exchange is not None
                and not self._paused
                and (item := self.parser.next()) is not None
            ):
                self._take(self._exchange, item)
        except ProtocolError as error:
            self._fail(error)

    def _take(self, exchange: Exchange, item: object) -> None:
        if isinstance(item, Body):
            exchange.body_received(item.data)
        elif isinstance(item, End):
            self._complete(exchange, item.trailers)
        elif isinstance(item, Response) and item.status < 200:
            if item.status == 101:
                # RFC 9110 7.8: only what was asked for may be switched to, and we never ask.
                raise RemoteProtocolError(400, "upgrade", "an upgrade that nobody asked for")
            self._interim += 1
            if self._interim > self.limits.interim_responses_max:
                raise RemoteProtocolError(400, "interim", "too many interim responses")
        elif isinstance(item, Response):
            self._take_head(exchange, item)

    def _take_head(self, exchange: Exchange, head: Response) -> None:
        coding = head.headers.get("transfer-encoding")
        if coding is not None and lower(coding) != "chunked":
            # RFC 9112 6.1: no TE field asked for another coding, so the bytes are not the content.
            raise RemoteProtocolError(400, "transfer-coding", "a coding that nobody asked for")
        self._keep_alive = head.keep_alive
        exchange.head_received(head)
        if self._exchange is not exchange:
            return  # it was cancelled meanwhile
        if not head.complete:
            self.move_reading(Event.BODY)
            return
        if head.body:
            exchange.body_received(head.body)
        if self._exchange is exchange:
            self._complete(exchange, Headers())

    def _complete(self, exchange: Exchange, trailers: Headers) -> None:
        self._exchange = None
        self._paused = False
        self.move_reading(Event.END)
        self.transport.set_deadline(None)
        # RFC 9112 9.3: who has answered before the request was whole may not take the rest.
        if self._keep_alive and not self.parser.buffered and self.writing is State.DONE:
            self.move_reading(Event.NEXT)
            self.move_writing(Event.NEXT)
        else:
            self._close()
        self.freed()
        exchange.completed(trailers)

    def freed(self) -> None:
        """The response is whole: `ready` says whether there may be another. For subclasses."""

    def _fail(self, error: Exception) -> None:
        exchange, self._exchange = self._exchange, None
        self._abort()
        if exchange is not None:
            exchange.failed(error)

    def _abort(self) -> None:
        self._drop_pieces()
        self.close_sides()
        self.transport.abort()

    def _close(self) -> None:
        self._drop_pieces()
        self.close_sides()
        self.transport.close(linger=False)

    def _drop_pieces(self) -> None:
        self._pieces = None

    def move_reading(self, event: Event) -> None:
        self.reading = TRANSITIONS[self.reading, event]

    def move_writing(self, event: Event) -> None:
        self.writing = TRANSITIONS[self.writing, event]

    @property
    def closed(self) -> bool:
        """Nothing more will be read or written."""
        return self.reading is State.CLOSED and self.writing is State.CLOSED

    def close_sides(self) -> None:
        self.move_reading(Event.CLOSE)
        self.move_writing(Event.CLOSE)
