"""What a transport on a socket knows: the C face of `_endpoint.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor._protocol cimport Protocol, Transport, flag

cdef class Endpoint(Transport):
    cdef readonly object protocol
    cdef Protocol compiled          # the protocol, if it has a C face; else None
    cdef object sock                # the Python socket that owns the descriptor; None: this does
    cdef object peer
    cdef object buffer              # where a BufferedProtocol wants what comes next
    cdef int fd
    cdef flag owns_fd
    cdef flag prompt                # the protocol is a user's: what it writes leaves at once
    cdef flag buffered              # the protocol is a BufferedProtocol
    cdef flag state                 # a State of `_timed.pxd`; here it takes no room
    cdef int64_t high, low, high_usual

    cdef Py_ssize_t take_buffer(self, Py_ssize_t at_most) except -1
    cdef int fill_buffer(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef bint is_open(self) noexcept
    cdef int marks_changed(self) except -1
