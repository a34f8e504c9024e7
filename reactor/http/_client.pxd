"""The client's role: the C face of `_client.pyx`."""

from libc.stdint cimport int64_t

from reactor.parser._message cimport Response
from reactor._protocol cimport Transport
from reactor.http._response_reader cimport ResponseReader

cdef class Exchange:
    cpdef interim_received(self, Response response)
    cpdef head_received(self, Response response)
    cpdef body_received(self, data)
    cpdef completed(self, trailers)
    cpdef failed(self, error)

cdef class ClientMachine(ResponseReader):
    cdef readonly Transport transport
    cdef readonly bint response_begun
    cdef readonly int served
    cdef Exchange exchange                      # None: nothing is under way
    cdef object pieces                          # of the request's body; None: it is sent
    cdef double patience_s
    cdef double least_taken                     # bytes of a request in that time: less is nothing
    cdef int64_t queued                         # what our kernel had of it at the last look; 0: none yet
    cdef int interim, interim_max
    cdef bint keep_alive, paused, full

    cdef bint is_ready(self) noexcept
    cpdef freed(self)
    cdef int ask(self, str method, bytes message, Exchange exchange, object pieces) except -1
    cdef bint is_taking(self) except -1
    cdef int pump(self) except -1
    cdef int take(self, Exchange exchange, object item) except -1
    cdef int take_head(self, Exchange exchange, Response head) except -1
    cdef int complete(self, Exchange exchange, object trailers) except -1
    cdef int fail(self, object error) except -1
    cdef int abort(self) except -1
    cdef int close(self) except -1
