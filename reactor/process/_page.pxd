"""Memory that workers write and their supervisor reads: the C face of `_page.pyx`."""

cimport cython
from libc.stdint cimport int64_t

# A value of a slot. A new one gets a line here and one in `PLACES` of the .pyx: among the counters,
# which only grow and outlive their worker, or among the gauges, which say how it is now. A row is a
# name for its first value, and one that ends in _LAST.
cdef enum:
    REQUESTS                            # answered whole
    CODES                               # rows: what their places are is in `http/_counting.pyx`
    CODES_LAST = CODES + 47
    METHODS
    METHODS_LAST = METHODS + 9
    REFUSALS
    REFUSALS_LAST = REFUSALS + 87
    LATENCY                             # for each class of status 14 buckets, and above them
    LATENCY_LAST = LATENCY + 74
    LATENCY_NS                          # the sums
    LATENCY_NS_LAST = LATENCY_NS + 4
    DURATIONS                           # all of them, in finer steps
    DURATIONS_LAST = DURATIONS + 103
    BYTES_IN
    BYTES_OUT
    ACCEPTED                            # connections
    ACCEPTS_EMPTY                       # events of a listener that nobody waited behind any more
    ACCEPTS_LEFT                        # left to workers with fewer connections
    ACCEPT_PAUSES
    SHED                                # connections that were closed to make room
    HANDSHAKES                          # of TLS
    HANDSHAKES_RESUMED
    HANDSHAKES_FAILED
    BUSY_NS                             # outside `select`
    TURNS                               # a row: took less than 64 us, 128 us ... 1.05 s, more
    TURNS_LAST = TURNS + 15
    STALLS
    LOG_LOST                            # lines
    COUNTERS_END                        # not a value: gauges begin here
    PID = COUNTERS_END
    GENERATION
    STATE                               # FREE, STARTING, READY or DRAINING
    STARTED_NS                          # times are CLOCK_MONOTONIC's, which all processes share
    READY_NS
    TURN_BEGAN_NS
    IN_TURN                             # 1: outside `select`; the loop may be held up
    CONNECTIONS
    ACTIVE                              # requests under way
    WRITING                             # answers that have begun, and are not taken
    RSS_BYTES
    FIELDS_END

cpdef enum:
    FREE = 0                            # nobody's
    STARTING = 1
    READY = 2
    DRAINING = 3

cdef enum:
    SLOT_VALUES = 512                   # 4 KiB: two writers never share a line of a cache

@cython.final
cdef class Page:
    cdef int64_t *base                  # slot after slot; one more at the end, of those that are gone
    cdef readonly int slots
    cdef int64_t *used                  # shared: all slots that were ever given out are below this

    cdef int64_t *at(self, int index) noexcept
    cdef int64_t sum_of(self, int field) noexcept
    cdef int checked(self, int index, int last) except -1

@cython.final
cdef class Slot:
    cdef readonly Page page
    cdef readonly int index
    cdef int64_t *values                # by the names above

cdef inline int count(Slot slot, int name, int64_t change) noexcept:
    """For those who may have no slot."""
    if slot is not None:
        slot.values[name] += change
    return 0
