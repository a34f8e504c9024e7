"""Answers that come later: what an `Exchange` asks its machine for, and what it is told.

    respond_later                                  a whole answer
    begin_pushed ─> push ... ─> end_pushed         one whose pieces the application brings
    interim   upgrade                              103; another protocol on this connection
    hold ─> begin_held ...                         one whose body begins with empty pieces

Each ends as an answer that was given at once does: `Responder` frames and writes them all.

Must never know: how a request is read, or who holds the handle.
"""

from libc.stdint cimport int64_t

from reactor.process._forked cimport end_if_forked
from reactor.process._page cimport REQUESTS, count
from reactor.http._body cimport OutgoingBody, late_body, pushed_body
from reactor.http._response cimport check_fields
from reactor.http._sent_bytes cimport CLIENT_ABORTED
from reactor.http._sides cimport BODY, DONE, IDLE, START, WITH_BODY

from reactor.errors import LocalProtocolError
from reactor.http.body import LateResponse
from reactor.parser._headers import Headers
from reactor.parser._serialise import serialise_response
from reactor.process.interrupts import is_from_a_signal


cdef class DeferredResponder(Responder):

    cdef bytes take_leftover(self):
        """What came behind the request, for another protocol."""
        raise NotImplementedError

    cdef int respond_later(self, Response response) except -1:
        self.check_not_begun()
        try:
            return self.answer(response)
        except BaseException as exception:
            if is_from_a_signal(exception):
                raise
            return self.failed_to_answer(exception, response)

    cdef int begin_pushed(self, Response response, bytes data) except -1:
        self.check_not_begun()
        check_fields(response)
        cdef OutgoingBody out = pushed_body(self.request, response)
        if out.pieces is None:
            data = b""
        out.check_piece(data, 0)
        self.begin_body(response, out, data)
        return self.move_writing(WITH_BODY)

    cdef int check_not_begun(self) except -1:
        if self.write_state != IDLE or self.out is not None:
            raise RuntimeError("the answer has begun already")
        return 0

    # --- an answer without a piece yet ----------------------------------------------------

    cdef bint begins_later(self, object response) except -1:
        if not isinstance(response, LateResponse):
            return False
        if self.request is None or self.write_state != IDLE:
            self.close_source(response)
            raise RuntimeError("the application has answered already, by its exchange")
        self.hold(response, late_body(response))
        return True

    cdef int hold(self, object response, OutgoingBody out) except -1:
        cdef double now
        out.held = response
        self.out = out
        if self.request is not None and self.open_exchange().disconnected:
            # Nothing is sent that could tell whether a client who sends nothing more is there.
            now = self.transport.turn_began()
            if out.silent_at != self.written:
                out.silent_at = self.written
                out.silent_since = now
            elif now - out.silent_since > <double>self.context.limits.abandoned_grace_s:
                return self.leave()
        return self.continue_soon()

    cdef int pump(self) except -1:
        if self.out is None or self.out.held is None:
            return Responder.pump(self)
        return self.begin_held()

    cdef int begin_held(self) except -1:
        cdef OutgoingBody out = self.out
        cdef bytes first
        try:
            first = out.next_piece(0)
        except BaseException as exception:
            if is_from_a_signal(exception):
                raise
            end_if_forked(exception)
            return self.application_failed(exception, None)
        if self.out is not out:
            return 0    # lost, by what the application has done meanwhile
        if first is not None and not first:
            return self.hold(out.held, out)
        response, self.out, out.held = out.held, None, None
        return self.begin_with(first, response, out)

    cdef int begin_with(self, bytes first, object response, OutgoingBody out) except -1:
        try:
            if isinstance(response, Response):
                return self.begin_streaming(response, out, first)
            response = response.begin(first or b"")
            return self.answer(response)
        except BaseException as exception:
            if is_from_a_signal(exception):
                raise
            return self.failed_to_answer(exception, response)

    cdef int leave(self) except -1:
        """The client has ended its side, and the application says nothing more: no fault."""
        self.cause = CLIENT_ABORTED
        if self.write_state == BODY:
            return self.break_off()
        self.drop_source()
        return self.close()

    # --- one that is pushed ---------------------------------------------------------------

    cdef OutgoingBody pushed(self):
        if self.out is None or not self.out.pushing:
            raise RuntimeError("begin was not called, or what was begun is over")
        return self.out

    cdef int push(self, bytes data) except -1:
        cdef OutgoingBody out = self.pushed()
        if out.pieces is not None and data:
            out.check_piece(data, self.written)
            self.put_piece(data)
        return 0

    cdef int push_file(self, object file, int64_t offset, int64_t count) except -1:
        """A region of a file, which is the machine's from here on, as a piece."""
        cdef OutgoingBody out = self.pushed()
        cdef int64_t before = self.written
        if out.pieces is None or not count:
            file.close()
            return 0
        if 0 <= out.length < before + count:
            file.close()
            raise ValueError(f"the body has more than its Content-Length, {out.length} bytes")
        if out.chunked:
            self.write(f"{count:x}\r\n".encode("ascii"))
        self.send_file(file, offset, count)
        self.written = before + count
        if out.chunked:
            self.write(b"\r\n")
        return 0

    cdef int end_pushed(self, object trailers) except -1:
        cdef OutgoingBody out = self.pushed()
        if trailers:
            out.set_trailers(trailers)  # what is wrong with them is raised before any is written
        if out.pieces is not None and self.written < out.length:
            written = self.written
            self.break_off()
            raise ValueError(f"the body has {written} of its {out.length} bytes")
        return self.end()

    cdef int interim(self, int status, object headers) except -1:
        if not 100 < status < 200 or status == 101 or self.write_state != IDLE:
            raise LocalProtocolError(f"a {status} is no interim response, or the answer has begun")
        if self.request.facts.version > 10:  # RFC 9110 15.2: never to an HTTP/1.0 client
            self.write(serialise_response(status, headers, None))
        return 0

    cdef int upgrade(self, object protocol, object headers, object name) except -1:
        """RFC 9110 7.8: after the 101 the connection speaks the other protocol."""
        asked = self.request.upgrade
        begun = self.write_state != IDLE or self.out is not None
        if asked is None or begun or self.read_state != DONE:
            raise LocalProtocolError("the request asks for no upgrade, or the answer has begun")
        fields = [("Upgrade", name or asked), ("Connection", "Upgrade"), *Headers(headers).items()]
        head = serialise_response(101, fields, None)
        transport, rest = self.transport, self.take_leftover()
        self.move_writing(START)
        self.status = 101
        if self.sent_bytes is not None:
            self.answer_began(len(head), len(head), None)
        transport.write(head)
        transport.flush()
        count(self.context.slot, REQUESTS, 1)
        self.answered()
        self.notify_taken(True)
        self.call_exchange("is_over", ())
        self.close_sides()
        self.exchange = self.request = self.transport = None
        transport.set_deadline(None)
        transport.resume_reading()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest:
            protocol.data_received(rest)
        return 0

    cdef int call_exchange(self, str method, tuple arguments) except -1:
        """Tell the handle something; what it calls is the application's."""
        if self.exchange is None:
            return 0
        try:
            getattr(self.exchange, method)(*arguments)
        except BaseException as exception:
            if is_from_a_signal(exception):
                raise
            end_if_forked(exception)
            if self.is_closed():
                self.context.journal.failed(exception, f"telling an exchange {method}")
            else:
                self.application_failed(exception, None)
        return 0
