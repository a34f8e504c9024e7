"""The server's role: requests in, in the order they came; `_responder.pyx` is their answers.

    receive ─> parser ─> a whole request ─> respond ─> head and body ─> transport

One request is answered at a time. While an answer is under way, or the peer does not take
what is written, nothing is parsed and nothing is read: a client that pipelines a hundred
thousand requests is read one buffer ahead.

What is the peer's fault is answered once, canned, then the connection is closed, and nothing
after it is read.

It does no I/O and reads no clock: it asks its transport for a deadline.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

from reactor.parser._fields cimport CONNECT, CONTINUE, stays_open
from reactor.parser._message cimport with_collected
from reactor.parser._buffer cimport buffer_size
from reactor.http._collecting cimport CollectedBody
from reactor.http._edge cimport check_certified, is_known
from reactor.http._exchange cimport Exchange, exchange_of
from reactor.http._sides cimport BODY, CLOSE, CLOSED, DONE, END, HEAD, IDLE, START, WITH_BODY

from reactor.errors import RemoteProtocolError
from reactor.parser._parts import Body, End

cdef bytes CONTINUE_LINE = b"HTTP/1.1 100 Continue\r\n\r\n"


cdef class ServerMachines(Factory):

    def __init__(self, ServerContext context):
        self.context = context

    cdef Protocol make(self):
        return machine_of(self.context)

    def guard(self, edge):
        self.context.guard(edge)

    def drain(self, idle_grace_s):
        self.context.drain(idle_grace_s)

    def is_draining(self):
        return self.context.draining

    def end_streams(self):
        self.context.end_streams()


cdef class ServerMachine(DeferredResponder):

    def __init__(self, ServerContext context):
        self.context = context

    # --- what the transport tells ---------------------------------------------------------

    cpdef connection_made(self, transport):
        # All that can fail first: one that nobody made, or without a wire, stays closed.
        if self.context is None:
            raise RuntimeError("the machine has no service: super().__init__() was not called")
        peer = transport.get_extra_info("peername")
        self.transport = transport
        self.peer = peer
        self.read_state = self.write_state = IDLE
        self.start_clock(FOR_ANYTHING, self.context.silent_timeout)

    def data_received(self, bytes data):
        self.receive(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int receive(self, const uint8_t *data, Py_ssize_t size) except -1:
        if self.is_closed():
            return 0
        self.pipelined = False
        if self.read_state == IDLE:
            self.move_reading(START)
        elif self.read_state == BODY:
            # Below body_rate_min bytes a second the credit runs out (see limits).
            self.transport.extend_deadline(
                <double>size / <double>self.context.limits.body_rate_min,
                self.context.limits.body_timeout_s)
        if self.parser is None:
            self.parser = self.context.lend_parser()
        # Parsed where it was received; only the beginning of a message that goes on is copied.
        self.parser.lend(data, size)
        try:
            return self.advance()
        finally:
            if self.parser is not None:
                self.parser.settle()

    def eof_received(self):
        self.peer_done = True
        self.call_exchange("peer_disconnected", (False,))
        self.advance()
        return not self.is_closed()  # true while an answer is owed

    def deadline_expired(self):
        cdef Clock waited_for = self.clock
        self.clock = NOT_SET
        if waited_for == FOR_LAST:
            # Nothing is under way that a reset could destroy, and to linger would take its time.
            self.close(False)
            return
        # RFC 9110 15.5.9: 408 tells a slow client what happened; a silent one is not told.
        if self.read_state == IDLE:
            code = "silent-timeout" if waited_for == FOR_ANYTHING else "keep-alive-timeout"
            self.context.journal.refused(self.peer, self.fault(408, code, "no request came"))
            self.close()
        elif waited_for == FOR_ROOM:
            self._refuse_for_room()
        else:
            code = "body-timeout" if self.read_state == BODY else "header-timeout"
            self.answer_fault(self.fault(408, code, "the request came too slowly"))

    cpdef connection_lost(self, exc):
        # First of all: the journal is somebody else's code too, and may raise.
        self.drop_source()
        self.release_body()
        if isinstance(exc, TimeoutError):
            self.context.journal.refused(self.peer, RemoteProtocolError(
                408, "write-timeout", "nothing of the response was taken", self.written))
        self.lost(exc)
        self.close_sides()
        if self.parser is not None:
            self.return_parser()
        self.call_exchange("peer_disconnected", (True,))
        self.exchange = self.transport = None

    cpdef is_idle(self):
        if self.write_state != IDLE:
            return False
        if self.read_state == HEAD:
            return self.clock == FOR_HEAD and self.context.is_silent(self.transport)
        # When the server stops, nobody else comes.
        return self.read_state == IDLE and (
            self.clock == FOR_NEXT or self.context.finishing or self.clock == FOR_ANYTHING
            and self.context.is_silent(self.transport))

    cpdef finish(self):
        if not self.is_closed():
            self.set_reading()  # a connection that waits for a request has another deadline now
        self.call_exchange("drained", ())

    cpdef end_stream(self):
        if self.write_state == BODY and self.event_stream:
            self.keep_alive = False
            self.end()

    def open_exchange(self):
        if self.request is None:
            raise RuntimeError("there is no request that could be answered")
        if self.exchange is None:
            self.exchange = exchange_of(self)
        return self.exchange

    cdef bint is_later(self, object response):
        return isinstance(response, Exchange) or self.begins_later(response)

    cdef bytes take_leftover(self):
        cdef bytes rest = b""
        if self.parser is not None:
            rest = self.parser.leftover()
            self.return_parser()
        return rest

    cdef bint is_last(self) except -1:
        return not self.is_behind() and (self.peer_done or not self.transport.has_input())

    # --- requests -------------------------------------------------------------------------

    cdef int advance(self) except -1:
        """Answer what is there: up to a bound, then let other connections have their turn."""
        cdef int left = self.context.requests_per_turn
        while self.takes_input() and not self.is_closed():
            if self.parser is None or self.parser.is_fresh():
                break
            if left == 0:
                self.continue_soon()
                break
            left -= 1
            try:
                if not self.read_one():
                    break
            except RemoteProtocolError as error:
                self.answer_fault(error)
        if not self.is_closed():
            self.set_reading()
        if self.parser is not None and (self.is_closed() or self.parser.is_fresh()):
            self.return_parser()
        return 0

    cdef int return_parser(self) except -1:
        parser, self.parser = self.parser, None
        return self.context.take_back(parser)

    cdef bint takes_input(self) except -1:
        """Whether what was received can be used now."""
        if self.exchange is not None:
            return self.read_state == BODY and self.streams_body and self.exchange.wants_body()
        return (self.write_state == IDLE or self.drops_rest()) and not self.paused

    cdef bint drops_rest(self) noexcept:
        return self.write_state == DONE and self.read_state == BODY

    cdef bint reads_rest(self) except -1:
        cdef Exchange exchange = <Exchange>self.exchange
        cdef int64_t left = self.request.facts.content_length
        if not self.streams_body or left < 0 or self.continue_owed or self.peer_done:
            return False
        left -= 0 if exchange is None else exchange.streamed
        return left <= <int64_t>self.context.limits.drain_bytes_max

    cdef bint is_behind(self) noexcept:
        """Whether something has come that is not used yet."""
        return self.parser is not None and buffer_size(&self.parser.buffer) > 0

    cdef int read_beside_exchange(self) except -1:
        """While an answer is owed: read the body that the application takes, or for the peer's end."""
        cdef bint wanted = False
        if not self.streams_body or self.read_state != BODY:
            wanted = not self.paused and not self.is_behind()
        elif self.exchange.wants_body():
            return self.peer_ended() if self.peer_done else self.read_on()
        self.start_clock(NOT_SET, -1)
        if not wanted:
            self.transport.watch_end()
        return self.transport.want_reading(wanted)

    def end_ahead(self):
        self.call_exchange("peer_disconnected", (False,))

    cdef int set_reading(self) except -1:
        """Read on only if what comes can be used now."""
        if self.exchange is not None:
            return self.read_beside_exchange()
        if self.continue_planned or self.paused or (
                self.write_state != IDLE and not self.drops_rest()):
            self.start_clock(NOT_SET, -1)
            self.transport.want_reading(False)
        elif self.peer_done:
            self.peer_ended()
        elif self.read_state == BODY and self.body is not None and self.body.room.is_full():
            self.wait_for_room()
        else:
            self.read_on()
        return 0

    cdef int read_on(self) except -1:
        self.set_clock()
        if self.continue_owed:
            self.continue_owed = False
            if self.write_state == IDLE:  # else what the client gets is the final answer already
                self.write(CONTINUE_LINE)
        return self.transport.want_reading(True)

    cdef int wait_for_room(self) except -1:
        """Read nothing more of the body until there is room for it, or its time is over."""
        if self.clock == FOR_ROOM:
            return 0
        self.start_clock(FOR_ROOM, self.context.limits.body_timeout_s)
        self.transport.want_reading(False)
        return self.body.wait(self._wake, self._give_up)

    def _wake(self):
        self.transport.call_soon(self._go_on_reading)

    def _give_up(self):
        self.transport.call_soon(self._refuse_for_room)

    def _go_on_reading(self):
        self.clock = OUTDATED
        self.advance()

    def _refuse_for_room(self):
        if self.read_state == BODY:
            self.answer_fault(self.fault(503, "body-room", "too much is being uploaded just now"))

    cdef int set_clock(self) except -1:
        """Ask for the deadline of what is awaited, unless it runs already."""
        if self.read_state == HEAD:
            return self.start_clock(FOR_HEAD, self.context.limits.header_timeout_s)
        if self.read_state == BODY:
            return self.start_clock(FOR_BODY, self.context.limits.body_timeout_s)
        if self.context.finishing:
            return self.start_clock(FOR_LAST, self.context.idle_grace)
        if self.clock != FOR_ANYTHING:
            return self.start_clock(FOR_NEXT, self.context.keep_alive_timeout)
        return 0

    cdef int start_clock(self, Clock clock, double seconds) except -1:
        if self.clock != clock:
            self.clock = clock
            return self.transport.expire_in(seconds)
        return 0

    cdef int peer_ended(self) except -1:
        """The peer's end came, and everything before it is answered."""
        try:
            if self.read_state != IDLE:
                self.parser.eof()
        except RemoteProtocolError as error:
            return self.answer_fault(error)
        return self.close()

    cdef bint read_one(self) except -1:
        """Take one thing out of the parser; False if it holds no whole one."""
        item = self.parser.pull()
        if item is None:
            return False
        if isinstance(item, Request):
            self.head_read(<Request>item)
        elif isinstance(item, Body):
            self.body_read(item.data)
        elif isinstance(item, End):
            self.body_done()
        return True

    cdef int head_read(self, Request request) except -1:
        cdef int64_t takes
        request.peer = self.peer
        if self.transport.arrival is not None:
            request.arrived = self.transport.arrival
            check_certified(request, self.context.edge)
        self.request = request
        if self.context.wants_answers:
            self.head_came()
        if self.context.known_host != NULL and not is_known(
                request, self.context.known_host, self.context.known_size):
            self.context.judge(request)
        self.keep_alive = self.keep_alive and stays_open(&request.facts)
        # RFC 9110 10.1.1: from an HTTP/1.0 client an expectation is ignored.
        if (request.facts.expect and not request.facts.flags & CONTINUE
                and request.facts.version > 10):
            raise RemoteProtocolError(417, "expect", "only 100-continue can be expected")
        if request.facts.flags & CONNECT:
            # RFC 9110 9.3.6: a 2xx would turn the connection into a tunnel.
            raise RemoteProtocolError(501, "connect", "this server is no proxy")
        if request.complete and not PyBytes_GET_SIZE(request.content):
            self.move_reading(END)
            return self.respond(request)
        takes = self.body_bytes_max()
        if self.context.streams_bodies and not request.complete:
            return self.stream_body(request)
        if not takes:
            # The body is never read: the connection ends with the answer.
            self.keep_alive = False
        elif not request.complete or <int64_t>len(request.content) > takes:
            return self.expect_body(request)
        self.move_reading(END)
        return self.respond(request)

    cdef int expect_body(self, Request request) except -1:
        self.body_begins(
            request, max(request.facts.content_length, <int64_t>PyBytes_GET_SIZE(request.content)))
        self.body = CollectedBody(
            self.context.bodies, request.facts.content_length, self.body_bytes_max())
        return 0

    cdef int body_begins(self, Request request, int64_t size) except -1:
        self.check_body_size(size)
        self.move_reading(WITH_BODY)
        # Of HTTP/1.1 alone: in HTTP/1.0 the flag is never set.
        self.continue_owed = (request.facts.flags & CONTINUE) != 0
        return 0

    cdef int stream_body(self, Request request) except -1:
        self.streams_body = True
        self.body_begins(request, request.facts.content_length)
        return self.respond(request)

    cdef int body_read(self, bytes data) except -1:
        cdef Exchange exchange
        if self.streams_body:
            self.continue_owed = False
            exchange = <Exchange>self.exchange
            if exchange is None:
                return 0  # the application has answered, and did not take it
            exchange.streamed += PyBytes_GET_SIZE(data)
            self.check_body_size(exchange.streamed)
            return self.call_exchange("body_received", (data, False))
        self.continue_owed = False  # RFC 9110 10.1.1: it does not wait for it
        self.check_body_size(self.body.size + PyBytes_GET_SIZE(data))
        try:
            return self.body.append(data)
        except MemoryError:
            raise self.fault(503, "body-room", "there is no memory for this body just now")
        except OSError:
            # RFC 4918 11.5: whoever gave the file has told the operator why.
            raise self.fault(507, "body-disk", "there is no room on the disk for this body")

    cdef int64_t body_bytes_max(self) except -1:
        """What a body may have; one that is collected needs room besides."""
        cdef int64_t most = self.context.app.body_bytes_max
        return most if self.streams_body else min(most, self.context.bodies.most())

    cdef int check_body_size(self, int64_t size) except -1:
        cdef int64_t most = self.body_bytes_max()
        if size > most:
            raise self.fault(413, "body-size", f"a body may have {most} bytes")
        return 0

    cdef object fault(self, int status, str code, str message):
        """The peer's, at the end of what has come of its message."""
        cdef int64_t came = 0
        if self.parser is not None:
            came = self.parser.origin + buffer_size(&self.parser.buffer)
        return RemoteProtocolError(status, code, message, came)

    cdef int body_done(self) except -1:
        self.move_reading(END)
        if self.streams_body:
            self.streams_body = False
            if self.write_state == DONE:
                return self.both_done()
            return self.call_exchange("body_received", (b"", True))
        self.request = with_collected(self.request, self.body.take())
        return self.respond(self.request)

    cdef int next_request(self) except -1:
        self.clock = OUTDATED
        if self.is_behind():
            self.move_reading(START)
        return 0

    cdef int answer_fault(self, object error) except -1:
        """The peer's fault: one answer, then nothing more of it is read."""
        self.context.journal.refused(self.peer, error)
        self.note_fault(error, None if self.parser is None else self.parser.first_line())
        self.keep_alive = False
        self.release_body()
        self.streams_body = False
        if self.exchange is not None:
            self.call_exchange("peer_disconnected", (True,))
            self.exchange = None
        if self.write_state == DONE:
            return self.close()     # it is answered already
        if self.write_state != IDLE:
            return self.break_off()
        if self.read_state != DONE:
            self.move_reading(CLOSE)
        return self.answer(self.context.error(error.status, error.message))


cdef ServerMachine machine_of(ServerContext context):
    cdef ServerMachine machine = ServerMachine.__new__(ServerMachine)
    machine.context = context
    return machine
