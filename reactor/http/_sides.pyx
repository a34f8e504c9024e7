"""`states.TRANSITIONS` as an array, for machines that move twice a message.

Must never know what a state means.
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
