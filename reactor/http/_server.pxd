"""The server's role: the C face of `_server.pyx`."""

from libc.stdint cimport int64_t

from reactor._file cimport File
from reactor._message cimport Request, Response
from reactor._protocol cimport Factory, Protocol, Transport
from reactor.http._framing cimport RequestParser
from reactor.http._service cimport Service

cdef enum Clock:
    # What the transport's deadline stands for now; OUTDATED: for the request before.
    OUTDATED, NOT_SET, FOR_ANYTHING, FOR_HEAD, FOR_BODY, FOR_NEXT

cdef class ServerMachines(Factory):
    cdef Service service

cdef class ServerMachine(Protocol):
    cdef readonly Transport transport
    cdef Service service
    cdef object peer
    cdef RequestParser parser   # None while there is nothing to parse
    cdef int read_state, write_state            # indices of states.State
    cdef Clock clock
    cdef Request request        # whose body is being read, or whose answer is written
    cdef list pieces            # of that body; None if there is none
    cdef int64_t collected
    cdef object out             # the OutgoingBody of a response that is not all bytes
    cdef int status
    cdef int64_t written        # bytes of the response's body
    cdef bint keep_alive, paused, continue_planned, peer_done

    cdef int move_reading(self, int event) except -1
    cdef int move_writing(self, int event) except -1
    cdef int close_sides(self) except -1
    cdef bint is_closed(self) noexcept
    cdef int advance(self) except -1
    cdef int return_parser(self) except -1
    cdef int continue_soon(self) except -1
    cdef int set_reading(self) except -1
    cdef int set_clock(self) except -1
    cdef int start_clock(self, Clock clock, double seconds) except -1
    cdef int peer_ended(self) except -1
    cdef bint read_one(self) except -1
    cdef int head_read(self, Request request) except -1
    cdef int expect_body(self, Request request) except -1
    cdef int body_read(self, bytes data) except -1
    cdef int check_body_size(self, int64_t size) except -1
    cdef object fault(self, int status, str code, str message)
    cdef int body_done(self) except -1
    cdef int respond(self, Request request) except -1
    cdef int answer(self, Response response) except -1
    cdef int answer_file(self, Response response, File file, int64_t length) except -1
    cdef int refuse(self, object error) except -1
    cdef int begin(self, Response response, int64_t length, bint chunked, bytes data) except -1
    cdef int begin_streaming(self, Response response, object out) except -1
    cdef int pump(self) except -1
    cdef int end(self) except -1
    cdef int answered(self) except -1
    cdef int drop_source(self) except -1
    cdef int close_source(self, object source) except -1
    cdef int close(self, bint linger=*) except -1
    cdef int abort(self) except -1
