"""The server's role: requests in, responses out, in the order they came.

    receive ─> parser ─> a whole request ─> app.respond ─> head and body ─> transport

One request is answered at a time. While an answer is under way, or the peer does not take
what is written, nothing is parsed and nothing is read: a client that pipelines a hundred
thousand requests is read one buffer ahead.

Whose fault it is decides the end. The peer's: one canned answer, then a close, and nothing
after it is read. The application's: a 500 if its head is not written yet, else the connection
is aborted, so that what was sent can never be taken for a whole response. Whatever its code
raises is its fault, SystemExit included; only KeyboardInterrupt is from somebody else.

It does no I/O and reads no clock: it asks its transport for a deadline.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

from reactor._fields cimport CONNECT, CONTINUE, stays_open
from reactor._file cimport File
from reactor.http._buffer cimport buffer_size
from reactor.http._response cimport (
    CLOSING, SILENT, STAYING, Ending, Text, check_fields, error_response, put, put_head)
from reactor.http._sides cimport BODY, CLOSE, CLOSED, DONE, END, HEAD, IDLE, NEXT, START, WITH_BODY, moved

from reactor.errors import LocalProtocolError, RemoteProtocolError
from reactor.http._framing import Body, End
from reactor.http.body import OutgoingBody
from reactor.http.states import State

cdef str HEAD_METHOD = "HEAD"   # the very object: the names of methods are interned
cdef bytes CONTINUE_LINE = b"HTTP/1.1 100 Continue\r\n\r\n"

# Where the head of an answer is put together. One for all machines: nothing of another one
# runs between its being filled and its being handed over.
cdef Text scratch


cdef class ServerMachines(Factory):

    def __init__(self, Service service):
        self.service = service

    cdef Protocol make(self):
        return machine_of(self.service)


cdef class ServerMachine(Protocol):

    def __cinit__(self):
        self.keep_alive = True

    def __init__(self, Service service):
        self.service = service

    @property
    def reading(self):
        return list(State)[self.read_state]

    @property
    def writing(self):
        return list(State)[self.write_state]

    # --- what the transport tells ---------------------------------------------------------

    cpdef connection_made(self, transport):
        self.transport = transport
        self.peer = transport.get_extra_info("peername")
        self.start_clock(FOR_ANYTHING, self.service.silent_timeout)

    def data_received(self, bytes data):
        self.receive(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int receive(self, const uint8_t *data, Py_ssize_t size) except -1:
        if self.is_closed():
            return 0
        if self.read_state == IDLE:
            self.move_reading(START)
        elif self.read_state == BODY:
            # Below body_rate_min bytes a second the credit runs out (see limits).
            self.transport.extend_deadline(
                <double>size / <double>self.service.limits.body_rate_min, self.service.limits.body_timeout_s)
        if self.parser is None:
            self.parser = self.service.lend_parser()
        # Parsed where it was received; only the beginning of a message that goes on is copied.
        self.parser.lend(data, size)
        try:
            return self.advance()
        finally:
            if self.parser is not None:
                self.parser.settle()

    def eof_received(self):
        self.peer_done = True
        self.advance()
        return not self.is_closed()  # true while an answer is owed

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        if self.write_state == BODY:
            self.pump()
        self.advance()

    def deadline_expired(self):
        cdef Clock waited_for = self.clock
        self.clock = NOT_SET
        # RFC 9110 15.5.9: 408 tells a slow client what happened; a silent one is not told.
        if self.read_state == IDLE:
            code = "silent-timeout" if waited_for == FOR_ANYTHING else "keep-alive-timeout"
            self.service.journal.refused(self.peer, self.fault(408, code, "no request came"))
            self.close()
        else:
            code = "body-timeout" if self.read_state == BODY else "header-timeout"
            self.refuse(self.fault(408, code, "the request came too slowly"))

    cpdef connection_lost(self, exc):
        # First of all: the journal is somebody else's code too, and may raise.
        self.drop_source()
        if isinstance(exc, TimeoutError):
            self.service.journal.refused(self.peer, RemoteProtocolError(
                408, "write-timeout", "nothing of the response was taken", self.written))
        if self.write_state == BODY:
            self.answered()
        self.close_sides()
        if self.parser is not None:
            self.return_parser()
        self.transport = None

    def is_idle(self):
        # Not one that has yet to ask: if everybody who comes were shed for the next who comes,
        # a crowd would be served nothing.
        return self.clock == FOR_NEXT and self.read_state == IDLE and self.write_state == IDLE

    def finish(self):
        """Graceful stop: end after the response that is under way, or now if there is none."""
        self.keep_alive = False
        if self.read_state == IDLE:
            self.close()

    # --- states ---------------------------------------------------------------------------

    cdef int move_reading(self, int event) except -1:
        self.read_state = moved(self.read_state, event)
        return 0

    cdef int move_writing(self, int event) except -1:
        self.write_state = moved(self.write_state, event)
        return 0

    cdef int close_sides(self) except -1:
        self.move_reading(CLOSE)
        return self.move_writing(CLOSE)

    cdef bint is_closed(self) noexcept:
        return self.read_state == CLOSED and self.write_state == CLOSED

    # --- requests -------------------------------------------------------------------------

    cdef int advance(self) except -1:
        """Answer what is there: up to a bound, then let other connections have their turn."""
        cdef int left = self.service.requests_per_turn
        while not (self.is_closed() or self.write_state != IDLE or self.paused):
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
                self.refuse(error)
        if not self.is_closed():
            self.set_reading()
        if self.parser is not None and (self.is_closed() or self.parser.is_fresh()):
            self.return_parser()
        return 0

    cdef int return_parser(self) except -1:
        parser, self.parser = self.parser, None
        return self.service.take_back(parser)

    cdef int continue_soon(self) except -1:
        if not self.continue_planned:
            self.continue_planned = True
            self.transport.call_soon(self._continue)
        return 0

    def _continue(self):
        self.continue_planned = False
        self.advance()

    cdef int set_reading(self) except -1:
        """Read on only if what comes can be used now."""
        if self.write_state != IDLE or self.paused or self.continue_planned:
            self.start_clock(NOT_SET, -1)
            self.transport.want_reading(False)
        elif self.peer_done:
            self.peer_ended()
        else:
            self.set_clock()
            self.transport.want_reading(True)
        return 0

    cdef int set_clock(self) except -1:
        """Ask for the deadline of what is awaited, unless it runs already."""
        if self.read_state == HEAD:
            return self.start_clock(FOR_HEAD, self.service.limits.header_timeout_s)
        if self.read_state == BODY:
            return self.start_clock(FOR_BODY, self.service.limits.body_timeout_s)
        if self.clock != FOR_ANYTHING:
            return self.start_clock(FOR_NEXT, self.service.keep_alive_timeout)
        return 0

    cdef int start_clock(self, Clock clock, double seconds) except -1:
        if self.clock != clock:
            self.clock = clock
            return self.transport.expire_in(seconds)
        return 0

    cdef int peer_ended(self) except -1:
        """The peer's end came, and everything before it is answered."""
        if self.read_state == IDLE:
            return self.close()
        try:
            self.parser.eof()
        except RemoteProtocolError as error:
            return self.refuse(error)
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
        self.request = request
        self.keep_alive = self.keep_alive and stays_open(&request.facts)
        if request.facts.expect and not request.facts.flags & CONTINUE:
            raise RemoteProtocolError(417, "expect", "only 100-continue can be expected")
        if request.facts.flags & CONNECT:
            # RFC 9110 9.3.6: a 2xx would turn the connection into a tunnel.
            raise RemoteProtocolError(501, "connect", "this server is no proxy")
        if request.whole and not PyBytes_GET_SIZE(request.content):
            self.move_reading(END)
            return self.respond(request)
        takes = self.service.app.body_bytes_max
        if not takes:
            # The body is never read: the connection ends with the answer.
            self.keep_alive = False
        elif not request.whole or <int64_t>len(request.content) > takes:
            return self.expect_body(request)
        self.move_reading(END)
        return self.respond(request)

    cdef int expect_body(self, Request request) except -1:
        self.check_body_size(max(request.facts.content_length, <int64_t>len(request.content)))
        self.move_reading(WITH_BODY)
        self.pieces = []
        if request.facts.flags & CONTINUE:
            self.transport.write(CONTINUE_LINE)
        return 0

    cdef int body_read(self, bytes data) except -1:
        self.collected += len(data)
        self.check_body_size(self.collected)
        self.pieces.append(data)
        return 0

    cdef int check_body_size(self, int64_t size) except -1:
        if size > <int64_t>self.service.app.body_bytes_max:
            raise self.fault(
                413, "body-size", f"a body may have {self.service.app.body_bytes_max} bytes")
        return 0

    cdef object fault(self, int status, str code, str message):
        """The peer's, at the end of what has come of its message."""
        cdef int64_t came = 0
        if self.parser is not None:
            came = self.parser.origin + buffer_size(&self.parser.buffer)
        return RemoteProtocolError(status, code, message, came)

    cdef int body_done(self) except -1:
        self.move_reading(END)
        self.request = self.request.with_body(b"".join(self.pieces))
        self.pieces = None
        self.collected = 0
        return self.respond(self.request)

    # --- responses ------------------------------------------------------------------------

    cdef int respond(self, Request request) except -1:
        response = None
        try:
            response = self.service.respond_to(request)
            if not isinstance(response, Response):
                raise TypeError(f"the application returned {type(response).__name__}, no Response")
            return self.answer(<Response>response)
        except KeyboardInterrupt:
            raise
        except BaseException as exception:
            if self.write_state != IDLE:
                raise  # our own: the answer was begun
            if isinstance(response, Response):
                self.close_source((<Response>response).content)
            self.service.journal.failed(exception, f"answering {request.word} {request.get_target()}")
        self.keep_alive = False
        return self.answer(error_response(500, "the application failed"))

    cdef int answer(self, Response response) except -1:
        """Frame the response and begin to write it. Raises before anything is written."""
        cdef int64_t length = response.facts.content_length
        cdef bint bodyless = self.request is not None and self.request.word is HEAD_METHOD
        check_fields(response)
        body = response.content
        if response.status_code in (204, 304):
            return self.begin_streaming(response, OutgoingBody(self.request, response))
        if type(body) is File and not bodyless and (<File>body).holds(length):
            return self.answer_file(response, <File>body, length)
        if not isinstance(body, bytes):
            return self.begin_streaming(response, OutgoingBody(self.request, response))
        cdef bytes content = <bytes>body
        # A HEAD response may carry the length of the body that GET would have. No body at all
        # says nothing of GET's (RFC 9110 8.6: if there is a length, it is that).
        if length < 0:
            length = -1 if bodyless and not content else len(content)
        elif length != len(content) and not (bodyless and not content):
            raise LocalProtocolError(
                f"Content-Length is {length} but the body has {len(content)} bytes")
        if len(content) > self.service.high_water and not bodyless:
            return self.begin_streaming(response, OutgoingBody(self.request, response))
        self.begin(response, length, False, b"" if bodyless else content)
        return self.end()

    cdef int answer_file(self, Response response, File file, int64_t length) except -1:
        """What is known of the file needs no `OutgoingBody` to find it out."""
        self.begin(response, length, False, b"")
        self.written = length
        self.transport.sendfile(file, file.offset, length)
        return self.end()

    cdef int refuse(self, object error) except -1:
        """The peer's fault: one answer, then nothing more of it is read."""
        self.service.journal.refused(self.peer, error)
        self.keep_alive = False
        self.pieces = None
        if self.read_state != DONE:
            self.move_reading(CLOSE)
        return self.answer(error_response(error.status, error.message))

    cdef int begin(self, Response response, int64_t length, bint chunked,
                   bytes data) except -1:
        """Write the head, and with it the body if that is short: one send, not two that
        would wait for each other's acknowledgement."""
        cdef bytes date = self.service.dates.field_value()
        cdef Ending ending = SILENT if self.keep_alive else CLOSING
        if self.keep_alive and self.request is not None and self.request.facts.version < 11:
            ending = STAYING
        self.status = response.status_code
        self.written = len(data)
        self.move_writing(START)
        scratch.size = 0
        put_head(&scratch, response, date, length, chunked, ending)
        put(&scratch, PyBytes_AS_STRING(data), len(data))
        return self.transport.send(scratch.base, scratch.size)

    cdef int begin_streaming(self, Response response, object out) except -1:
        # The first piece before the head: an application that fails at once still gets its 500.
        first = None if out.pieces is None else out.next_piece(0)
        self.out = out
        self.keep_alive = self.keep_alive and not out.until_close
        self.begin(response, -1 if out.length is None else out.length, out.chunked,
                   b"" if first is None else out.frame(first))
        self.written = 0 if first is None else len(first)
        if out.file is not None:
            self.written = out.length
            self.transport.sendfile(out.take_file(), out.offset, out.length)
        if first is None:
            return self.end()
        self.move_writing(WITH_BODY)
        return self.pump()

    cdef int pump(self) except -1:
        """Write pieces of the body until it ends or the transport is full."""
        while self.out is not None and not self.paused and not self.is_closed():
            try:
                piece = self.out.next_piece(self.written)
            except KeyboardInterrupt:
                raise
            except BaseException as exception:
                self.service.journal.failed(exception, "reading the body of a response")
                return self.abort()
            if piece is None:
                return self.end()
            self.transport.write(self.out.frame(piece))
            self.written += len(piece)
        return 0

    cdef int end(self) except -1:
        """The response is written whole."""
        cdef bint all_came
        if self.out is not None and self.out.chunked:
            self.transport.write(self.out.end())
        self.drop_source()
        self.move_writing(END)
        self.answered()
        # RFC 9112 9.6: after a request that it called its last a client sends nothing more.
        all_came = (self.read_state == DONE and self.request is not None and self.request.whole
                    and not stays_open(&self.request.facts))
        self.request = None
        if not self.keep_alive or self.read_state != DONE:
            return self.close(not all_came)
        self.move_reading(NEXT)
        self.move_writing(NEXT)
        self.clock = OUTDATED
        if self.parser is not None and buffer_size(&self.parser.buffer):
            self.move_reading(START)
        return 0

    cdef int answered(self) except -1:
        if self.service.wants_answers:
            self.service.journal.answered(self.peer, self.request, self.status, self.written)
        return 0

    cdef int drop_source(self) except -1:
        out, self.out = self.out, None
        if out is not None:
            self.close_source(out)
        return 0

    cdef int close_source(self, object source) except -1:
        try:
            if hasattr(source, "close"):
                source.close()
        except KeyboardInterrupt:
            raise
        except BaseException as exception:
            self.service.journal.failed(exception, "closing the body of a response")
        return 0

    cdef int close(self, bint linger=True) except -1:
        self.close_sides()
        self.transport.close(linger)
        return 0

    cdef int abort(self) except -1:
        self.drop_source()
        self.answered()
        self.close_sides()
        self.transport.abort()
        return 0


cdef ServerMachine machine_of(Service service):
    cdef ServerMachine machine = ServerMachine.__new__(ServerMachine)
    machine.service = service
    return machine
