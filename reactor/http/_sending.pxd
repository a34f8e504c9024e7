"""What a server's machine writes: the C face of `_sending.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor._protocol cimport Transport, flag
from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Request
from reactor.http._context cimport ServerContext
from reactor.http._sides cimport Sides
from reactor.http._sent_bytes cimport SentBytes

cdef class Sender(Sides):
    cdef readonly Transport transport
    cdef ServerContext context
    cdef object peer
    cdef Request request        # whose body is being read, or whose answer is written
    cdef SentBytes sent_bytes   # None: nobody wants to know what was taken
    cdef bint pipelined         # a request of the last read has begun already
    cdef int status
    cdef flag cause             # the Ending of a connection that somebody's fault ends; 0: nobody's
    cdef int64_t written        # bytes of the response's body

    cdef int write(self, bytes data) except -1
    cdef int send(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef int head_came(self) except -1
    cdef int answer_began(self, int64_t head_size, int64_t size, Headers headers) except -1
    cdef int send_file(self, object file, int64_t offset, int64_t length) except -1
    cdef int flush_all(self) except -1
    cdef int ending(self) except -1
    cdef int answered(self) except -1
    cdef int lost(self, object exception) except -1
    cdef int note_fault(self, object error, bytes line) except -1
    cdef int notify_taken(self, bint lost) except -1
    cdef int tell(self, bint slow) except -1
