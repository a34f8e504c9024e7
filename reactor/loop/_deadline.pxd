"""A re-armable time-out: the C face of `_deadline.pyx`."""

from reactor.loop._core cimport Loop

cdef class Deadline:
    cdef readonly double when       # infinity: never
    cdef Loop loop
    cdef object callback
    cdef object timer               # None: not armed
    cdef double timer_when

    cdef int set_in(self, double delay) except -1
    cdef int move_to(self, double when) except -1
