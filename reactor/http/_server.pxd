"""The server's role: the C face of `_server.pyx`."""

from libc.stdint cimport int64_t

from reactor.parser._message cimport Request
from reactor._protocol cimport Factory, Protocol, flag
from reactor.parser._framing cimport RequestParser
from reactor.http._deferred cimport DeferredResponder
from reactor.http._context cimport ServerContext

cdef enum Clock:
    # What the transport's deadline stands for now; OUTDATED: for the request before.
    OUTDATED, NOT_SET, FOR_ANYTHING, FOR_HEAD, FOR_BODY, FOR_ROOM, FOR_NEXT, FOR_LAST

cdef class ServerMachines(Factory):
    cdef readonly ServerContext context

cdef class ServerMachine(DeferredResponder):
    cdef RequestParser parser   # None while there is nothing to parse
    cdef Clock clock
    cdef flag streams_body      # the application takes the body of this request while it comes
    cdef flag continue_owed     # the client waits for a 100 before it sends the body

    cdef int return_parser(self) except -1
    cdef bint takes_input(self) except -1
    cdef bint drops_rest(self) noexcept
    cdef int set_reading(self) except -1
    cdef int read_beside_exchange(self) except -1
    cdef bint is_behind(self) noexcept
    cdef int read_on(self) except -1
    cdef int wait_for_room(self) except -1
    cdef int set_clock(self) except -1
    cdef int start_clock(self, Clock clock, double seconds) except -1
    cdef int peer_ended(self) except -1
    cdef bint read_one(self) except -1
    cdef int head_read(self, Request request) except -1
    cdef int expect_body(self, Request request) except -1
    cdef int body_begins(self, Request request, int64_t size) except -1
    cdef int body_read(self, bytes data) except -1
    cdef int64_t body_bytes_max(self) except -1
    cdef int check_body_size(self, int64_t size) except -1
    cdef object fault(self, int status, str code, str message)
    cdef int stream_body(self, Request request) except -1
    cdef int body_done(self) except -1
    cdef int answer_fault(self, object error) except -1
