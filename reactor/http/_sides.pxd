"""The states of a connection's two sides, as numbers: the C face of `_sides.pyx`."""

# In the order of states.State and states.Event: an enum's place is its number.
cdef enum:
    IDLE, HEAD, BODY, DONE, CLOSED
    STATES = 5
cdef enum:
    START, WITH_BODY, END, NEXT, CLOSE
    EVENTS = 5

cdef int moved(int state, int event) except -1
