"""The server's role: requests in, responses out, in the order they came.

    data_received ─> parser ─> a whole request ─> app.respond ─> head and body ─> transport

One request is answered at a time. While an answer is under way, or the peer does
not take what is written, nothing is parsed and nothing is read: a client that
pipelines a hundred thousand requests is read one buffer ahead.

Whose fault it is decides the end. The peer's: one canned answer, then a close,
and nothing after it is read. The application's: a 500 if its head is not
written yet, else the connection is aborted, so that what was sent can never be
taken for a whole response. Whatever its code raises is its fault, SystemExit
included; only KeyboardInterrupt is from somebody else.
"""

from __future__ import annotations

from typing import Any

from reactor._message import Request, Response
from reactor.errors import RemoteProtocolError
from reactor.http._framing import Body, End, RequestParser
from reactor.http._serialise import reason_phrase, serialise_response
from reactor.http.app import App, HttpDate, Journal
from reactor.http.body import OutgoingBody
from reactor.http.machine import Machine
from reactor.http.states import Event, State
from reactor.limits import Limits

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ServerMachine(Machine):
    """Serves ``app`` on one connection."""

    def __init__(self, app: App, limits: Limits, date: HttpDate, journal: Journal) -> None:
        super().__init__(limits)
        self._app = app
        self._date = date
        self._journal = journal
        self._parser = RequestParser(limits)
        self._request: Request | None = None  # whose body is being read, or whose answer written
        self._pieces: list[bytes] = []  # of that body
        self._collected = 0
        self._out: OutgoingBody | None = None
        self._status = 0
        self._written = 0  # bytes of the response's body
        self._keep_alive = True
        self._paused = False  # the transport is above high water
        self._continue_planned = False
        self._peer_done = False

    # --- what the transport tells ----------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.set_deadline(self.limits.silent_timeout_s)

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        self._parser.feed(data)
        if self.reading is State.IDLE:
            self.move_reading(Event.START)
            self.transport.set_deadline(self.limits.header_timeout_s)
        elif self.reading is State.BODY:
            # Below body_rate_min bytes a second the credit runs out (see limits).
            self.transport.extend_deadline(
                len(data) / self.limits.body_rate_min, self.limits.body_timeout_s
            )
        self._advance()

    def eof_received(self) -> bool:
        """True while an answer is owed: a client may half-close and wait for it."""
        self._peer_done = True
        self._advance()
        return not self.closed

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self.writing is State.BODY:
            self._pump()
        elif self.reading is State.IDLE:
            self.transport.set_deadline(self.limits.keep_alive_timeout_s)
        self._advance()

    def deadline_expired(self) -> None:
        # RFC 9110 15.5.9: 408 tells a slow client what happened; a silent one is not told.
        if self.reading is State.IDLE:
            self._close()
        else:
            self._refuse(RemoteProtocolError(408, "timeout", "the request came too slowly"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.writing is State.BODY:
            self._answered()
        self.close_sides()
        self._drop_source()

    def finish(self) -> None:
        """Graceful stop: end after the response that is under way, or now if there is none."""
        self._keep_alive = False
        if self.reading is State.IDLE:
            self._close()

    # --- requests --------------------------------------------------------------------------

    def _advance(self) -> None:
        """Answer what is there: up to a bound, then let other connections have their turn."""
        for _ in range(self.limits.requests_per_turn_max):
            if self.closed or self.writing is not State.IDLE or self._paused:
                break
            try:
                if not self._read_one():
                    break
            except RemoteProtocolError as error:
                self._refuse(error)
        else:
            self._continue_soon()
        if not self.closed:
            self._set_reading()

    def _continue_soon(self) -> None:
        if not self._continue_planned:
            self._continue_planned = True
            self.transport.call_soon(self._continue)

    def _continue(self) -> None:
        self._continue_planned = False
        self._advance()

    def _set_reading(self) -> None:
        """Read on only if what comes can be used now."""
        busy = self.writing is not State.IDLE or self._paused or self._continue_planned
        if busy:
            self.transport.pause_reading()
        elif self._peer_done:
            self._peer_ended()
        else:
            self.transport.resume_reading()

    def _peer_ended(self) -> None:
        """The peer's end came, and everything before it is answered."""
        if self.reading is State.IDLE:
            self._close()
            return
        try:
            self._parser.eof()
        except RemoteProtocolError as error:
            self._refuse(error)
        else:
            self._close()

    def _read_one(self) -> bool:
        """Take one thing out of the parser; False if it holds no whole one."""
        item = self._parser.next()
        if item is None:
            return False
        if isinstance(item, Request):
            self._head_read(item)
        elif isinstance(item, Body):
            self._body_read(item.data)
        elif isinstance(item, End):
            self._body_done()
        return True

    def _head_read(self, request: Request) -> None:
        if self.reading is State.IDLE:  # pipelined: it was in the buffer already
            self.move_reading(Event.START)
        request.client = self.transport.get_extra_info("peername")
        self._request = request
        self._keep_alive = self._keep_alive and request.keep_alive
        if request.expect is not None and not request.expect_continue:
            raise RemoteProtocolError(417, "expect", "only 100-continue can be expected")
        if request.complete and len(request.body) <= self._app.body_bytes_max:
            self.move_reading(Event.END)
            self._respond(request)
        elif not self._app.body_bytes_max:
            self._keep_alive = False
            self.move_reading(Event.END)
            self._respond(request)
        else:
            self._expect_body(request)

    def _expect_body(self, request: Request) -> None:
        self._check_body_size(request.content_length or len(request.body))
        self.move_reading(Event.BODY)
        self.transport.set_deadline(self.limits.body_timeout_s)
        if request.expect_continue:
            self.transport.write(CONTINUE)

    def _body_read(self, data: bytes) -> None:
        self._collected += len(data)
        self._check_body_size(self._collected)
        self._pieces.append(data)

    def _check_body_size(self, size: int) -> None:
        if size > self._app.body_bytes_max:
            raise RemoteProtocolError(
                413, "body-size", f"a body may have {self._app.body_bytes_max} bytes"
            )

    def _body_done(self) -> None:
        self.move_reading(Event.END)
        if self._request is not None:
            self._request = self._request.with_body(b"".join(self._pieces))
            self._pieces, self._collected = [], 0
            self._respond(self._request)

    # --- responses -------------------------------------------------------------------------

    def _respond(self, request: Request) -> None:
        response: Any = None
        try:
            response = self._app.respond(request)
            if not isinstance(response, Response):
                raise TypeError(f"the application returned {type(response).__name__}, no Response")
            out = OutgoingBody(request, response)
        except KeyboardInterrupt:
            raise
        except BaseException as exception:
            if isinstance(response, Response):
                self._close_source(response.body)
            self._journal.failed(exception, f"answering {request.method} {request.target}")
            response = error_response(500, "the application failed")
            out = OutgoingBody(request, response)
            self._keep_alive = False
        self._begin(response, out)

    def _refuse(self, error: RemoteProtocolError) -> None:
        """The peer's fault: one answer, then nothing more of it is read."""
        self._keep_alive = False
        self._pieces = []
        if self.reading is not State.DONE:
            self.move_reading(Event.CLOSE)
        response = error_response(error.status, error.message)
        self._begin(response, OutgoingBody(self._request, response))

    def _begin(self, response: Response, out: OutgoingBody) -> None:
        self.transport.set_deadline(None)
        self._out = out
        self._status = response.status
        self._written = 0
        self._keep_alive = self._keep_alive and not out.until_close
        self.move_writing(Event.START)
        head = serialise_response(
            response.status, self._fields(response, out), None, response.reason
        )
        if len(out.data) <= self.limits.write_high_water_bytes:
            # Head and body leave together: two sends would wait for each other's ACK.
            self.transport.write(head + out.data)
            self._written = len(out.data)
            out.data = b""
        else:
            self.transport.write(head)
        if out.file is not None:
            self._send_file(out.file, out)
        if out.pieces is None and not out.data:
            self._end()
        else:
            self.move_writing(Event.BODY)
            self._pump()

    def _fields(self, response: Response, out: OutgoingBody) -> list[tuple[bytes, bytes]]:
        headers = response.headers
        fields = [field for field in headers.raw if field[0].lower() != b"content-length"]
        if "date" not in headers:
            fields.append((b"Date", self._date()))
        if "server" not in headers:
            fields.append((b"Server", b"reactor"))
        if out.length is not None:
            fields.append((b"Content-Length", b"%d" % out.length))
        elif out.chunked:
            fields.append((b"Transfer-Encoding", b"chunked"))
        if not self._keep_alive:
            fields.append((b"Connection", b"close"))
        elif self._request is not None and self._request.version < 11:
            fields.append((b"Connection", b"keep-alive"))
        return fields

    def _send_file(self, file: Any, out: OutgoingBody) -> None:
        count = out.length or 0
        self._written = count
        out.source = out.file = None  # the transport closes it
        self.transport.sendfile(file, out.offset, count)

    def _pump(self) -> None:
        """Write pieces of the body until it ends or the transport is full."""
        out = self._out
        while out is not None and not self._paused and not self.closed:
            try:
                piece = self._next_piece(out)
            except KeyboardInterrupt:
                raise
            except BaseException as exception:
                self._journal.failed(exception, "reading the body of a response")
                self._abort()
                return
            if piece is None:
                self._end()
                return
            self.transport.write(out.frame(piece))
            self._written += len(piece)

    def _next_piece(self, out: OutgoingBody) -> bytes | None:
        if out.pieces is None:
            size = self.limits.write_high_water_bytes
            piece, out.data = out.data[:size], out.data[size:]
            return piece or None
        for piece in out.pieces:
            if not isinstance(piece, bytes):
                raise TypeError(f"a body yields bytes, not {type(piece).__name__}")
            if out.length is not None and self._written + len(piece) > out.length:
                raise ValueError(f"the body has more than its Content-Length, {out.length} bytes")
            if piece:  # an empty chunk would end the message
                return piece
        if out.length is not None and self._written < out.length:
            raise ValueError(f"the body has {self._written} of its {out.length} bytes")
        return None

    def _end(self) -> None:
        """The response is written whole."""
        if self._out is not None and (last := self._out.end()):
            self.transport.write(last)
        self._drop_source()
        self.move_writing(Event.END)
        self._answered()
        self._request = None
        if not self._keep_alive or self.reading is not State.DONE:
            self._close()
            return
        self.move_reading(Event.NEXT)
        self.move_writing(Event.NEXT)
        if self._parser.buffered:
            self.move_reading(Event.START)
            self.transport.set_deadline(self.limits.header_timeout_s)
        elif not self._paused:
            # Above high water the peer still has to take the answer: that has its own time-out.
            self.transport.set_deadline(self.limits.keep_alive_timeout_s)

    def _answered(self) -> None:
        peer = self.transport.get_extra_info("peername")
        self._journal.answered(peer, self._request, self._status, self._written)

    def _drop_source(self) -> None:
        out, self._out = self._out, None
        if out is not None:
            self._close_source(out)

    def _close_source(self, source: Any) -> None:
        try:
            if hasattr(source, "close"):
                source.close()
        except KeyboardInterrupt:
            raise
        except BaseException as exception:
            self._journal.failed(exception, "closing the body of a response")

    def _close(self) -> None:
        self.close_sides()
        self.transport.close()

    def _abort(self) -> None:
        self._answered()
        self._drop_source()
        self.close_sides()
        self.transport.abort()


def error_response(status: int, message: str) -> Response:
    """A short plain answer; ``message`` is ours, never the peer's bytes."""
    text = f"{status} {reason_phrase(status)}: {message}\n"
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], text.encode())
