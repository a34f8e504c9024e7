"""When a loop works and when it waits, where other processes can read it.

Busy means outside `select`: a loop that is held up cannot say so, and one that waits must not be
woken to say that it is well. So it leaves a word when a turn begins, and takes it back when it
asks the selector again, not at the end of the turn: where asyncio takes the turns, its steps run
in between. Who watches compares the time with the clock.
"""

from libc.stdint cimport int64_t

from reactor.process._page cimport BUSY_NS, IN_TURN, TURN_BEGAN_NS, TURNS, TURNS_LAST, Slot

cdef extern from *:
    """
    #define store_release(place, value) __atomic_store_n((place), (value), __ATOMIC_RELEASE)
    """
    void store_release(int64_t *place, int64_t value) noexcept nogil

cdef enum:
    SHORTEST_NS = 64_000        # what the first of the row TURNS is below; the next, twice of it


cdef int turn_begins(Slot slot, double now) noexcept:
    slot.values[TURN_BEGAN_NS] = <int64_t>(now * 1e9)
    # After the time, whatever compiler and processor would rather do: who reads that a turn is under
    # way, and then since when, shall not find the time of an earlier one.
    store_release(&slot.values[IN_TURN], 1)
    return 0


cdef int turn_ends(Slot slot, double now) noexcept:
    cdef int64_t *values = slot.values
    cdef int64_t took, longest = SHORTEST_NS
    cdef int place = TURNS
    if values[IN_TURN]:
        values[IN_TURN] = 0
        took = <int64_t>(now * 1e9) - values[TURN_BEGAN_NS]
        values[BUSY_NS] += took
        while took >= longest and place < TURNS_LAST:
            place += 1
            longest *= 2
        values[place] += 1
    return 0
