"""The states of a connection's two sides, as numbers: the C face of `_sides.pyx`."""

from reactor._protocol cimport Protocol

# In the order of states.State and states.Event: an enum's place is its number.
cdef enum:
    IDLE, HEAD, BODY, DONE, CLOSED
    STATES = 5
cdef enum:
    START, WITH_BODY, END, NEXT, CLOSE
    EVENTS = 5

cdef int moved(int state, int event) except -1

cdef class Sides(Protocol):
    cdef int read_state, write_state            # indices of states.State

    cdef int move_reading(self, int event) except -1
    cdef int move_writing(self, int event) except -1
    cdef int close_sides(self) except -1
    cdef bint is_closed(self) noexcept
