"""A re-armable time-out: the C face of `_deadline.pyx`."""

cdef class Deadline:
    cdef readonly double when       # infinity: never
    cdef object loop, callback
    cdef object timer               # None: not armed
    cdef double timer_when

    cdef int set_in(self, double delay) except -1
    cdef int move_to(self, double when) except -1
