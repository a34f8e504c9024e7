"""The answering half of a server's machine: the C face of `_responder.pyx`."""

from libc.stdint cimport int64_t

from reactor._file cimport File
from reactor._protocol cimport flag
from reactor.parser._message cimport Request, Response
from reactor.http._body cimport OutgoingBody
from reactor.http._collecting cimport CollectedBody
from reactor.http._sending cimport Sender

cdef class Responder(Sender):
    cdef CollectedBody body     # of that request, while it is collected and until it is answered
    cdef OutgoingBody out       # of a response that is not all bytes
    cdef object exchange        # the handle that the application has asked for; None: it has not
    cdef flag keep_alive, paused, continue_planned
    cdef flag peer_done         # the peer sends nothing more
    cdef flag event_stream      # what is written may end anywhere: its client comes again

    cdef int advance(self) except -1
    cdef int next_request(self) except -1
    cdef bint is_last(self) except -1
    cdef bint reads_rest(self) except -1
    cdef int both_done(self) except -1
    cdef int continue_soon(self) except -1
    cdef int respond(self, Request request) except -1
    cdef int answer(self, Response response) except -1
    cdef int failed_to_answer(self, object exception, object response) except -1
    cdef int application_failed(self, object exception, object response) except -1
    cdef int answer_in_pieces(self, Response response) except -1
    cdef int release_body(self) except -1
    cdef int begin(self, Response response, int64_t length, bint chunked, bytes data) except -1
    cdef int begin_streaming(self, Response response, OutgoingBody out, bytes first) except -1
    cdef int begin_body(self, Response response, OutgoingBody out, bytes first) except -1
    cdef int hold(self, object response, OutgoingBody out) except -1
    cdef int call_exchange(self, str method, tuple arguments) except -1
    cdef bint is_later(self, object response)
    cdef int push_rest(self, object content) except -1
    cdef int put_piece(self, bytes piece) except -1
    cdef int hand_over(self) except -1
    cdef int go_on(self) except -1
    cdef int pump(self) except -1
    cdef int break_off(self) except -1
    cdef int end(self) except -1
    cdef int drop_source(self) except -1
    cdef int close_source(self, object source) except -1
    cdef int close(self, bint linger=*) except -1
    cdef int abort(self) except -1
