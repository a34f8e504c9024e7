"""How a response's body is framed: the C face of `_body.pyx`."""

from libc.stdint cimport int64_t

from reactor._protocol cimport flag
from reactor.parser._message cimport Request, Response

cdef class OutgoingBody:
    cdef int64_t length         # what Content-Length says; -1: there is no such field
    cdef int64_t offset         # in the file
    cdef object file            # when it is one, to be sent from there
    cdef object pieces          # an iterator of the body, when it is neither empty nor a file
    cdef object source          # what the application gave, until it is closed
    cdef object held            # the response, or a LateResponse, until there is a piece; None: begun
    cdef double silent_since    # by the transport's clock: without a client, and only empty pieces
    cdef int64_t silent_at      # what was written by then
    cdef bytes last             # what ends a body in chunks
    cdef flag chunked           # Transfer-Encoding: chunked says the end
    cdef flag until_close       # only the end of the connection says it
    cdef flag lazy              # the application makes the pieces while they are sent
    cdef flag pushing           # it hands them over itself (`Exchange.send`)

    cdef int decide(self, Request request, Response response, int64_t size) except -1
    cdef int64_t take(self, object body) except -2
    cdef int64_t measure_file(self, object body) except -2
    cdef object take_file(self)
    cdef int continue_with(self, object body) except -1
    cdef int check_piece(self, object piece, int64_t written) except -1
    cdef bytes next_piece(self, int64_t written)
    cdef int set_trailers(self, object trailers) except -1
    cdef object take_source(self)

cdef OutgoingBody outgoing_body(Request request, Response response)
cdef OutgoingBody late_body(object late)
cdef OutgoingBody pushed_body(Request request, Response response)
