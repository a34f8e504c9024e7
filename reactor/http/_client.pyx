"""The client's role: requests out, responses in.

The machine tells an `Exchange` what comes: interim responses (up to a bound), then the head, the
body in pieces, and the end; or an error, once. It is told nothing after the end or the error. A
body that is sent is pulled, piece by piece, while the transport takes it. The docstrings are in
`_client.pyi`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t

from reactor.parser._fields cimport CHUNKED, ENCODED
from reactor.parser._headers cimport Headers
from reactor.http._sides cimport DONE, END, IDLE, NEXT, START, WITH_BODY

from reactor.errors import ProtocolError, RemoteProtocolError
from reactor.parser._parts import Body, End


cdef class Exchange:

    cpdef interim_received(self, Response response):
        pass

    cpdef head_received(self, Response response):
        pass

    cpdef body_received(self, data):
        pass

    cpdef completed(self, trailers):
        pass

    cpdef failed(self, error):
        pass


@cython.nonecheck(True)
cdef class ClientMachine(ResponseReader):

    def __init__(self, limits):
        super().__init__(limits)
        self.patience_s = limits.response_timeout_s
        self.least_taken = max(1.0, limits.body_rate_min * self.patience_s)
        self.interim_max = limits.interim_responses_max
        self.keep_alive = True

    @property
    def ready(self):
        return self.is_ready()

    cdef bint is_ready(self) noexcept:
        return self.write_state == IDLE and self.read_state == IDLE

    def send(self, str method, bytes message, Exchange exchange not None, pieces=None):
        self.ask(method, message, exchange, pieces)

    cdef int ask(self, str method, bytes message, Exchange exchange, object pieces) except -1:
        if not self.is_ready():
            raise RuntimeError("the response to the previous request is still under way")
        if self.transport is None:
            raise RuntimeError("the connection is not made yet")
        self.exchange = exchange
        self.interim = 0
        self.response_begun = False
        self.parser.expect(method)
        self.move_writing(START)
        self.transport.send(<const uint8_t *>PyBytes_AS_STRING(message), len(message))
        self.transport.expire_in(self.patience_s)
        self.queued = 0
        if pieces is None:
            return self.move_writing(END)
        self.move_writing(WITH_BODY)
        self.pieces = pieces
        return self.pump()

    def pause(self):
        if self.exchange is not None and not self.paused:
            self.paused = True
            self.transport.pause_reading()
            self.transport.expire_in(-1)

    def resume(self):
        if self.paused:
            self.paused = False
            self.transport.resume_reading()
            self.transport.expire_in(self.patience_s)
            self.transport.call_soon(self.pull)  # what was received before the pause

    def cancel(self):
        self.exchange = None
        self.abort()

    # --- what the transport tells ---------------------------------------------------------

    cpdef connection_made(self, transport):
        self.transport = transport

    def wants(self):
        if self.closed:
            return False
        if self.exchange is None:
            # RFC 9112 9.2: a response that nobody asked for cannot be told from the next one.
            self.close()
            return False
        if self.read_state == IDLE:
            self.move_reading(START)
            self.response_begun = True
        self.transport.expire_in(self.patience_s)
        return True

    def eof_received(self):
        if self.exchange is not None:
            try:
                self.parser.eof()
                self.pull()
            except ProtocolError as error:
                self.fail(error)
            if self.exchange is not None and not self.paused:
                self.fail(
                    RemoteProtocolError(400, "incomplete", "the response did not come whole"))
        return self.exchange is not None

    def deadline_expired(self):
        if self.transport.get_write_buffer_size() or self.is_taking():
            # The peer still takes the request; the transport watches that it does.
            self.transport.expire_in(self.patience_s)
        else:
            self.fail(TimeoutError("the server sent nothing for too long"))

    cdef bint is_taking(self) except -1:
        """Whether the server still takes the request, whose rest is our kernel's: of a slow line some
        megabytes are minutes."""
        cdef int64_t before = self.queued
        self.queued = self.transport.get_extra_info("unacknowledged", 0)
        if self.queued == 0:
            return before > 0  # it has just come to the end, and answers now
        return (before - self.queued if before else self.queued) >= self.least_taken

    cpdef connection_lost(self, exc):
        if self.exchange is not None:
            self.fail(
                exc or ConnectionError("the connection was closed before the response was whole"))
        self.close_sides()

    def pause_writing(self):
        self.full = True

    def resume_writing(self):
        self.full = False
        self.pump()

    cdef int pump(self) except -1:
        """Send what the transport takes of the request's body."""
        while self.pieces is not None and not self.full and not self.closed:
            try:
                piece = next(self.pieces, None)
            except Exception as error:
                self.fail(error)
                return 0
            if piece is None:
                self.pieces = None
                self.move_writing(END)
                self.transport.expire_in(self.patience_s)
            else:
                self.transport.write(piece)
        return 0

    # --- the response ---------------------------------------------------------------------

    def pull(self):
        try:
            while self.exchange is not None and not self.paused:
                item = self.parser.pull()
                if item is None:
                    break
                self.take(self.exchange, item)
        except ProtocolError as error:
            self.fail(error)

    cdef int take(self, Exchange exchange, object item) except -1:
        cdef Response head
        if isinstance(item, Body):
            exchange.body_received(item.data)
        elif isinstance(item, End):
            self.complete(exchange, item.trailers)
        else:
            head = item
            if head.status_code >= 200:
                self.take_head(exchange, head)
            elif head.status_code == 101:
                # RFC 9110 7.8: only what was asked for may be switched to, and we never ask.
                raise RemoteProtocolError(400, "upgrade", "an upgrade that nobody asked for")
            else:
                self.interim += 1
                if self.interim > self.interim_max:
                    raise RemoteProtocolError(400, "interim", "too many interim responses")
                exchange.interim_received(head)
        return 0

    cdef int take_head(self, Exchange exchange, Response head) except -1:
        if head.facts.flags & ENCODED and not head.facts.flags & CHUNKED:
            # RFC 9112 6.1: no TE field asked for another coding, so the bytes are not the content.
            raise RemoteProtocolError(400, "transfer-coding", "a coding that nobody asked for")
        self.keep_alive = head.keep_alive
        exchange.head_received(head)
        if self.exchange is not exchange:
            return 0  # it was cancelled meanwhile
        if not head.complete:
            return self.move_reading(WITH_BODY)
        body = head.body
        if body:
            exchange.body_received(body)
        if self.exchange is exchange:
            self.complete(exchange, NO_TRAILERS)
        return 0

    cdef int complete(self, Exchange exchange, object trailers) except -1:
        self.exchange = None
        self.paused = False
        self.move_reading(END)
        self.transport.expire_in(-1)
        # RFC 9112 9.3: a server that answered before the request was whole may not take the rest.
        if self.keep_alive and not self.parser.buffered and self.write_state == DONE:
            self.move_reading(NEXT)
            self.move_writing(NEXT)
        else:
            self.close()
        self.served += 1
        # First the pool, while it may give the connection to the transfer that waits longest: a
        # callback that is told of the end may ask for more, and would come before it.
        if self.is_ready():
            self.freed()
        exchange.completed(trailers)
        return 0

    cpdef freed(self):
        pass

    # --- the end --------------------------------------------------------------------------

    cdef int fail(self, object error) except -1:
        exchange, self.exchange = self.exchange, None
        self.abort()
        if exchange is not None:
            exchange.failed(error)
        return 0

    cdef int abort(self) except -1:
        self.pieces = None
        self.close_sides()
        if self.transport is not None:
            self.transport.abort()
        return 0

    cdef int close(self) except -1:
        self.pieces = None
        self.close_sides()
        self.transport.close(linger=False)
        return 0

    @property
    def closed(self):
        return self.is_closed()


cdef Headers NO_TRAILERS = Headers()
