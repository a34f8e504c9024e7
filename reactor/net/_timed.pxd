"""How long a connection waits: the C face of `_timed.pyx`."""

from libc.stdint cimport int64_t

from reactor.loop._core cimport Loop
from reactor.loop._registration cimport Registration
from reactor.net._endpoint cimport Endpoint
from reactor.net._owner cimport ConnectionOwner
from reactor.process._page cimport BYTES_IN, BYTES_OUT, count

cpdef double charged(double paid, double read, double least, int pauses_max) noexcept

cdef enum State:
    # The first is that of a connection that was not made: a subclass may forget to call `__init__`.
    CLOSED, OPEN, FLUSHING, LINGERING

cdef class TimedEndpoint(Endpoint):
    cdef Loop loop
    cdef Registration registration
    cdef ConnectionOwner owner
    cdef int queued                 # bytes that the kernel had, unacknowledged, when `stall` was set
    cdef float paid                 # bytes: what the peer's time-outs have cost, see `charged`
    cdef readonly double deadline   # a time of the loop, for the protocol
    cdef double since               # another: when that began to be waited for
    cdef double stall               # another: when a peer that takes nothing is given up; while
                                    # LINGERING, when that ends whatever comes

    cdef int check_made(self) except -1
    cdef int never_open(self) except -1
    cdef int due(self) except -1
    cdef int watch_for_stall(self, bint progress, bint left) except -1
    cdef bint takes_slowly(self) except -1
    cdef int expect_progress(self) except -1
    cdef int linger_begins(self) except -1
    cdef int linger_on(self, Py_ssize_t dropped) except -1
    cdef int set_deadline_at(self, double when) except -1
    cdef int arm(self) except -1
    # Of what is timed:
    cdef int deadline_over(self) except -1
    cdef int close_now(self, object error) except -1

cdef inline int has_received(TimedEndpoint connection, int64_t size) noexcept:
    return count(connection.owner.slot, BYTES_IN, size)

cdef inline int has_sent(TimedEndpoint connection, int64_t size) noexcept:
    connection.taken += size
    return count(connection.owner.slot, BYTES_OUT, size)
