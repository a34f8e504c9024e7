"""What connections have in common: the C face of `_owner.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor.loop._core cimport Loop
from reactor.net._endpoint cimport Endpoint
from reactor.process._page cimport Slot

# 0041: one for all connections of a listener. What is the same for each of them is held here once.
cdef class ConnectionOwner:
    cdef Loop loop
    cdef Slot slot              # where it counts; None: nowhere
    cdef const uint8_t *scratch
    cdef Py_ssize_t scratch_size
    cdef int64_t high, low, write_per_turn, sendfile_per_turn
    cdef double linger_timeout, linger_time, linger_rate, write_timeout
    cdef double silent_grace
    cdef double linger_cut      # seconds less of linger_time, when it ends
    cdef int vain_events_max, pauses_max
    cdef double least_taken     # bytes in a write_timeout: less is nothing
    cdef int64_t window         # bytes that a peer's kernel takes of itself

    cdef int set_up(self, Loop loop, object limits) except -1
    cdef object made(self)
    cdef int closed(self, Endpoint connection) except -1

cdef class CallbackOwner(ConnectionOwner):
    cdef object on_closed
