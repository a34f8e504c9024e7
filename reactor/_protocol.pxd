"""Transport and Protocol: the C face of `_protocol.pyx`."""

from libc.stdint cimport int64_t, uint8_t

# A bint takes four bytes, in each of ten thousand connections that are idle.
ctypedef uint8_t flag

cpdef bint is_python(object protocol) noexcept

cdef class Transport:
    cdef public int64_t taken   # bytes that the kernel has taken since the connection began
    cdef public object arrival  # how what comes here arrives (`parser/_arrival.pyx`); None: plainly
    # `write` and `set_deadline` for compiled protocols; seconds below zero: no deadline.
    cdef int send(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef int expire_in(self, double seconds) except -1
    cdef int want_reading(self, bint wanted) except -1
    # What was written leaves now, and not at the end of the turn.
    cdef int flush(self) except -1
    # While nothing is read the protocol is told of the peer's end, once, by its `end_ahead`, if it
    # has one: at the latest when that is read, where the system cannot say it sooner.
    cdef int watch_end(self) except -1
    cpdef int cork(self) except -1
    cpdef int uncork(self) except -1
    # Readings of the transport's clock: a fresh one, and the one that the turn began with.
    cpdef double time(self) except? -1
    cpdef double turn_began(self) except? -1
    cpdef double waited(self) except? -1
    cpdef close(self, linger=*)
    cpdef set_protocol(self, protocol)

cdef class Protocol:
    # `data_received` for compiled protocols: the bytes are the transport's, for this call only.
    cdef int receive(self, const uint8_t *data, Py_ssize_t size) except -1
    # The kernel has taken more of what was written.
    cdef int flushed(self) except -1
    cpdef connection_made(self, transport)
    cpdef connection_lost(self, exc)
    cpdef is_idle(self)
    cpdef finish(self)
    cpdef end_stream(self)

cdef class Factory:
    """Makes the protocols of a listener's connections; in C it is asked without a call."""
    cdef Protocol make(self)
