"""The two sides of a connection, which both roles have: reading and writing, each in one state.

`states.TRANSITIONS` is an array here, since a machine moves twice a message. Must never know what a
state means.
"""

from reactor.http.states import TRANSITIONS, Event, State

cdef int[STATES][EVENTS] TABLE


cdef int fill_table() except -1:
    states, events = list(State), list(Event)
    for i, before in enumerate(states):
        for j, event in enumerate(events):
            after = TRANSITIONS.get((before, event))
            TABLE[<int>i][<int>j] = -1 if after is None else states.index(after)
    return 0


fill_table()


cdef int moved(int state, int event) except -1:
    cdef int after = TABLE[state][event]
    if after < 0:
        raise RuntimeError(f"{list(Event)[event]} cannot happen in {list(State)[state]}")
    return after


cdef class Sides(Protocol):

    @property
    def reading(self):
        return list(State)[self.read_state]

    @property
    def writing(self):
        return list(State)[self.write_state]

    cdef int move_reading(self, int event) except -1:
        self.read_state = moved(self.read_state, event)
        return 0

    cdef int move_writing(self, int event) except -1:
        self.write_state = moved(self.write_state, event)
        return 0

    cdef int close_sides(self) except -1:
        self.move_reading(CLOSE)
        return self.move_writing(CLOSE)

    cdef bint is_closed(self) noexcept:
        return self.read_state == CLOSED and self.write_state == CLOSED
