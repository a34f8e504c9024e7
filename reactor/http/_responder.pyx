"""The answering half of a server's machine: a response in, its bytes out, framed once.

    respond ─> app.respond ─> answer ─┬─> begin: head and a short body, in one write ─────> end
                  │                   └─> begin_streaming ─> pump, piece by piece ────────> end
                  └─> an exchange (`_deferred.pyx`): later, in one or pushed in pieces ──> end

What is bytes, a list or a plain file is there at once. A body that is made while it is sent
leaves piece by piece: each is with the kernel before the next is asked for, and all others
have a turn in between, so that neither an answer is held back nor a server held up.

Whose fault it is decides the end. The application's: a 500 if its head is not written yet, else
the connection ends behind what was sent, whose framing shows that something is missing. Whatever
its code raises is its fault, SystemExit included; only a signal's KeyboardInterrupt is not.

Must never know: how a request is read. It does no I/O and reads no clock.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from reactor.parser._buffer cimport ByteBuffer, buffer_free, buffer_put
from reactor.parser._fields cimport stays_open
from reactor.parser._length cimport has_content, said_length
from reactor.parser._writing cimport put_chunk
from reactor._file cimport File
from reactor.process._forked cimport end_if_forked
from reactor.process._page cimport REQUESTS, count
from reactor.http._body cimport OutgoingBody, outgoing_body
from reactor.http._collecting cimport CollectedBody
from reactor.http._response cimport (
    CLOSING, SILENT, STAYING, Persistence, check_fields, is_event_stream, put_head)
from reactor.http._context cimport ServerContext
from reactor.http._sent_bytes cimport (
    APP_FAILED, CLIENT_CLOSED, DRAINED, KEPT, SERVER_CLOSED, UNDER_WAY)
from reactor.http._sides cimport BODY, CLOSED, DONE, END, IDLE, NEXT, START, WITH_BODY

from reactor.http.blame import doing
from reactor.process.interrupts import is_from_a_signal

cdef enum:
    # More than a head and a body that is sent at once, or a piece of one as most are.
    SCRATCH_KEPT_BYTES = 256 * 1024

# Where the head of an answer, or a chunk, is put together. One for all machines: nothing of another
# one runs between its being filled and its being handed over.
cdef ByteBuffer scratch

# Of a machine whose maker forgot it.
cdef ServerContext NOT_MADE = ServerContext.__new__(ServerContext)


cdef class Responder(Sender):

    def __cinit__(self):
        self.keep_alive = True
        # Until the connection is made it is as one that is closed.
        self.read_state = self.write_state = CLOSED
        self.context = NOT_MADE

    cdef int advance(self) except -1:
        """Answer what is there, and read on if that is of use."""
        raise NotImplementedError

    cdef int next_request(self) except -1:
        """An answer is whole, and the connection goes on."""
        raise NotImplementedError

    cdef bint is_later(self, object response):
        """Whether it is the handle of an answer that comes later."""
        raise NotImplementedError

    cdef int call_exchange(self, str method, tuple arguments) except -1:
        """Tell the handle of an answer that comes later."""
        raise NotImplementedError

    cdef int hold(self, object response, OutgoingBody out) except -1:
        """There is nothing to send yet: `pump` again when all others have had a turn. ``response``
        has not begun; None: it has."""
        raise NotImplementedError

    cdef bint reads_rest(self) except -1:
        """Whether what is left of a body that nobody takes is read for its connection's sake."""
        raise NotImplementedError

    cdef bint is_last(self) except -1:
        """Whether the answer that begins now may end its connection because the server stops: if
        what came with its request, or meanwhile, holds no further one."""
        raise NotImplementedError

    # --- turns ----------------------------------------------------------------------------

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        if self.out is not None and self.out.held is not None:
            self.continue_soon()
        elif self.write_state == BODY and self.out is not None:
            if self.out.pushing:
                self.call_exchange("has_room", ())
            else:
                self.go_on()
        self.advance()

    cdef int continue_soon(self) except -1:
        if not self.continue_planned:
            self.continue_planned = True
            self.transport.call_soon(self._continue)
        return 0

    def _continue(self):
        self.continue_planned = False
        if not self.paused and (self.write_state == BODY or self.out is not None):
            self.pump()
        self.advance()

    # --- responses ------------------------------------------------------------------------

    cdef int respond(self, Request request) except -1:
        response = None
        request.answerer = self
        try:
            response = self.context.respond_to(request)
            request.answerer = None     # it holds the request
            if not isinstance(response, Response):
                if self.is_later(response):
                    return 0
                raise TypeError(f"a handler returns a Response, not {type(response).__name__}")
            if self.request is not request:
                raise RuntimeError("the application has answered already, by its exchange")
            if self.write_state != IDLE:
                return self.push_rest((<Response>response).content)
            return self.answer(<Response>response)
        except BaseException as exception:
            if is_from_a_signal(exception):
                raise
            request.answerer = None
            return self.failed_to_answer(exception, response)

    cdef int failed_to_answer(self, object exception, object response) except -1:
        """What was raised before the answer began is the application's; while it is written, ours."""
        end_if_forked(exception)
        if self.write_state != IDLE and not (self.out is not None and self.out.pushing):
            raise exception
        return self.application_failed(exception, response)

    cdef int application_failed(self, object exception, object response) except -1:
        """A 500 if nothing was sent, else the end of what was."""
        if isinstance(response, Response):
            self.close_source((<Response>response).content)
        self.context.journal.failed(exception, doing("answering", self.request, self.context.app))
        if self.request is None:
            return self.close()  # it was answered already
        if self.write_state != IDLE:
            return self.break_off()
        self.release_body()
        self.keep_alive = False
        self.cause = APP_FAILED
        return self.answer(self.context.error(500, "the application failed"))

    cdef int answer(self, Response response) except -1:
        """Frame the response and begin to write it. Raises before anything is written."""
        cdef object method = None if self.request is None else self.request.method_text
        cdef bint empty = not has_content(method, response.status_code)
        cdef int64_t length = response.facts.content_length
        check_fields(response)
        body = response.content
        if type(body) is File and not empty and (<File>body).holds(length):
            # What is known of the file needs no `OutgoingBody` to find it out.
            self.begin(response, length, False, b"")
            self.send_file(body, (<File>body).offset, length)
            return self.end()
        if not isinstance(body, bytes):
            return self.answer_in_pieces(response)
        length = said_length(
            method, response.status_code, length, PyBytes_GET_SIZE(body), False)
        if empty:
            body = b""
        elif PyBytes_GET_SIZE(body) > self.context.high_water:
            return self.answer_in_pieces(response)
        self.begin(response, length, False, <bytes>body)
        return self.end()

    cdef int release_body(self) except -1:
        """That of the request; and that of an answer which has not begun: another one is given."""
        if self.out is not None and self.out.held is not None:
            self.drop_source()
        body, self.body = self.body, None
        return 0 if body is None else (<CollectedBody>body).release()

    cdef int begin(self, Response response, int64_t length, bint chunked,
                   bytes data) except -1:
        """Write the head, and with it the body if that is short: one send, not two that
        would wait for each other's acknowledgement."""
        cdef bytes date = self.context.dates.line()
        cdef Persistence persistence
        cdef Py_ssize_t head_size
        if self.keep_alive and self.context.draining and self.is_last():
            self.keep_alive = False
        persistence = SILENT if self.keep_alive else CLOSING
        if self.keep_alive and self.request is not None and self.request.facts.version < 11:
            persistence = STAYING
        if self.context.wants_answers and (
                self.sent_bytes is None or self.sent_bytes.state != UNDER_WAY):
            self.head_came()    # what is answered is no request: nothing was whole before
        self.status = response.status_code
        self.written = len(data)
        self.move_writing(START)
        scratch.end = 0
        put_head(&scratch, response, date, length, chunked, persistence)
        head_size = scratch.end
        if chunked and data:
            put_chunk(&scratch, PyBytes_AS_STRING(data), len(data))
        else:
            buffer_put(&scratch, PyBytes_AS_STRING(data), len(data))
        if self.context.wants_answers:
            self.answer_began(
                head_size, scratch.end,
                response.get_headers() if self.context.logs_answers else None)
        self.transport.send(scratch.base, scratch.end)
        if scratch.capacity > SCRATCH_KEPT_BYTES:
            buffer_free(&scratch)
        # In the threaded model the kernel has taken it by now.
        if self.sent_bytes is None or self.transport.taken < self.sent_bytes.handed:
            return 0
        return self.notify_taken(False)

    cdef int answer_in_pieces(self, Response response) except -1:
        # The first piece before the head: an application that fails at once still gets its 500.
        cdef OutgoingBody out = outgoing_body(self.request, response)
        cdef bytes first = None if out.pieces is None else out.next_piece(0)
        if out.lazy and first is not None and not first:
            return self.hold(response, out)
        return self.begin_streaming(response, out, first)

    cdef int begin_streaming(self, Response response, OutgoingBody out, bytes first) except -1:
        if out.lazy:
            # It is told to go on only when every byte of the last piece is with the kernel.
            self.transport.set_write_buffer_limits(0)
        self.begin_body(response, out, b"" if first is None else first)
        if out.file is not None:
            self.send_file(out.take_file(), out.offset, out.length)
        if first is None:
            return self.end()
        self.move_writing(WITH_BODY)
        return self.hand_over() if out.lazy else self.pump()

    cdef int begin_body(self, Response response, OutgoingBody out, bytes first) except -1:
        self.out = out
        self.event_stream = out.length < 0 and is_event_stream(response)
        self.keep_alive = self.keep_alive and not out.until_close
        return self.begin(response, out.length, out.chunked, first)

    # --- pieces ---------------------------------------------------------------------------

    cdef int push_rest(self, object content) except -1:
        if self.out is None:
            raise RuntimeError("the answer is over")
        self.out.continue_with(content)
        self.transport.set_write_buffer_limits(0)
        return 0 if self.paused else self.go_on()

    cdef int put_piece(self, bytes piece) except -1:
        """One that is not empty: as a chunk it would be the last."""
        cdef OutgoingBody out = self.out
        self.written += len(piece)
        if not out.chunked:
            self.write(piece)
        else:
            scratch.end = 0
            put_chunk(&scratch, PyBytes_AS_STRING(piece), len(piece))
            self.send(scratch.base, scratch.end)
            if scratch.capacity > SCRATCH_KEPT_BYTES:
                buffer_free(&scratch)
        return self.hand_over() if out.lazy else 0

    cdef int hand_over(self) except -1:
        """A piece that the application takes its time for leaves before the next is asked for."""
        self.transport.flush()
        if self.out is not None and self.written == self.out.length:
            return self.pump()  # that was all: it is only asked for its end
        return 0 if self.paused else self.go_on()

    cdef int go_on(self) except -1:
        """Write more of the body: now, or, if its pieces are made meanwhile, after all others have
        had a turn."""
        return self.continue_soon() if self.out is not None and self.out.lazy else self.pump()

    cdef int pump(self) except -1:
        """Write pieces of the body until it ends, the transport is full, or others have a turn."""
        if self.out is not None and self.out.pushing:
            return 0
        while self.out is not None and not self.paused and not self.is_closed():
            if self.event_stream and self.context.streams_end:
                self.keep_alive = False
                return self.end()
            try:
                piece = self.out.next_piece(self.written)
            except BaseException as exception:
                if is_from_a_signal(exception):
                    raise
                end_if_forked(exception)
                self.context.journal.failed(
                    exception, doing("reading the body for", self.request, self.context.app))
                return self.break_off()
            if self.out is None:
                return 0    # lost, by what the application has done meanwhile
            if piece is None:
                return self.end()
            if self.out.lazy:
                return self.put_piece(piece) if piece else self.hold(None, self.out)
            self.put_piece(piece)
        return 0

    cdef int break_off(self) except -1:
        """End a response that will not be whole. What was sent of it arrives, and its framing
        shows that something is missing; where only the end of the connection frames it, a reset
        is the one sign that there is."""
        if self.out is None:
            return 0    # it is over, or there was none
        if not self.cause:
            self.cause = APP_FAILED
        if self.out.until_close:
            return self.abort()
        self.drop_source()
        self.answered()
        return self.close()

    cdef int ending(self) except -1:
        if self.cause:
            return self.cause
        if self.peer_done or self.request is None or not stays_open(&self.request.facts):
            return CLIENT_CLOSED
        if self.keep_alive and (self.read_state == DONE or self.reads_rest()):
            return KEPT
        return DRAINED if self.context.draining else SERVER_CLOSED

    cdef int end(self) except -1:
        """The response is written whole."""
        cdef bint all_came, rest_follows = (
            self.read_state != DONE and self.request is not None and self.reads_rest())
        if self.out is not None and self.out.chunked:
            self.write(self.out.last)
        if self.out is not None:
            self.drop_source()
        self.move_writing(END)
        count(self.context.slot, REQUESTS, 1)
        if self.sent_bytes is not None:
            self.answered()
        # RFC 9112 9.6: after a request that it called its last a client sends nothing more.
        all_came = (self.read_state == DONE and self.request is not None and self.request.complete
                    and not stays_open(&self.request.facts))
        self.request = None
        if self.body is not None:
            self.release_body()
        if self.exchange is not None:
            self.exchange.is_over()
            self.exchange = None
        if self.keep_alive and rest_follows:
            return 0
        if not self.keep_alive or self.read_state != DONE:
            return self.close(not all_came)
        return self.both_done()

    cdef int both_done(self) except -1:
        self.move_reading(NEXT)
        self.move_writing(NEXT)
        return self.next_request()

    cdef int drop_source(self) except -1:
        out, self.out = self.out, None
        if out is not None:
            if out.lazy and self.transport is not None:
                self.transport.set_write_buffer_limits()
            if out.source is not None:
                self.close_source(out.take_source())
        return 0

    cdef int close_source(self, object source) except -1:
        try:
            if hasattr(source, "close"):
                source.close()
        except BaseException as exception:
            if is_from_a_signal(exception):
                raise
            end_if_forked(exception)
            self.context.journal.failed(
                exception, doing("closing the body for", self.request, self.context.app))
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
