"""Memory that workers write and their supervisor reads.

    page ─┬─ slot 0      one worker writes it; anybody reads
          ├─ slot 1
          └─ gone        the counters of workers that have ended

One mapping, made before the first fork and shared by all who are forked after it. A slot has one
writer at a time and no lock: every value is an aligned number of 64 bits, which a processor writes at
once. So a reader may see one value newer than another, and none half written; and a worker that is
killed in the middle of anything leaves what it has counted. What is counted is one addition for
the worker; who asks for it costs the worker nothing, also while it is held up.

Must never know: what is counted, or who the workers are.
"""

cimport cython
from libc.string cimport memset
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

from cpython.exc cimport PyErr_SetFromErrno

cdef enum:
    # Far more than a machine has use for; 16 MiB of addresses, and memory only where it is written.
    SLOTS_MAX = 4096

# The names for Python, in their order: the first value, and how many there are.
cdef dict PLACES = {
    "requests": (REQUESTS, 1),
    "codes": (CODES, 48),
    "methods": (METHODS, 10),
    "refusals": (REFUSALS, 88),
    "latency": (LATENCY, 75),
    "latency_ns": (LATENCY_NS, 5),
    "durations": (DURATIONS, 104),
    "bytes_in": (BYTES_IN, 1),
    "bytes_out": (BYTES_OUT, 1),
    "accepted": (ACCEPTED, 1),
    "accepts_empty": (ACCEPTS_EMPTY, 1),
    "accepts_left": (ACCEPTS_LEFT, 1),
    "accept_pauses": (ACCEPT_PAUSES, 1),
    "shed": (SHED, 1),
    "handshakes": (HANDSHAKES, 1),
    "handshakes_resumed": (HANDSHAKES_RESUMED, 1),
    "handshakes_failed": (HANDSHAKES_FAILED, 1),
    "busy_ns": (BUSY_NS, 1),
    "turns": (TURNS, 16),
    "stalls": (STALLS, 1),
    "log_lost": (LOG_LOST, 1),
    "pid": (PID, 1),
    "generation": (GENERATION, 1),
    "state": (STATE, 1),
    "started_ns": (STARTED_NS, 1),
    "ready_ns": (READY_NS, 1),
    "turn_began_ns": (TURN_BEGAN_NS, 1),
    "in_turn": (IN_TURN, 1),
    "connections": (CONNECTIONS, 1),
    "active": (ACTIVE, 1),
    "writing": (WRITING, 1),
    "rss_bytes": (RSS_BYTES, 1),
}
COUNTERS = tuple([name for name, (first, _) in PLACES.items() if first < COUNTERS_END])
GAUGES = tuple([name for name, (first, _) in PLACES.items() if first >= COUNTERS_END])
STATES = ("free", "starting", "ready", "draining")


@cython.final
cdef class Page:

    def __cinit__(self, int slots):
        if not 1 <= slots <= SLOTS_MAX:
            raise ValueError(f"a page has 1 to {SLOTS_MAX} slots, not {slots}")
        self.slots = slots
        memory = mmap(
            NULL, size_of(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        if memory == MAP_FAILED:
            PyErr_SetFromErrno(OSError)
        self.base = <int64_t *>memory
        self.used = &self.base[<Py_ssize_t>slots * SLOT_VALUES + SLOT_VALUES - 1]  # of `gone`

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, size_of(self.slots))

    cdef int64_t *at(self, int index) noexcept:
        return self.base + <Py_ssize_t>index * SLOT_VALUES

    def slot(self, int index):
        return Slot(self, self.checked(index, self.slots - 1))

    @property
    def gone(self):
        return Slot(self, self.slots)

    def retire(self, int index):
        cdef int field
        cdef int64_t *values = self.at(self.checked(index, self.slots - 1))
        cdef int64_t *gone = self.at(self.slots)
        for field in range(COUNTERS_END):
            gone[field] += values[field]
        memset(values, 0, FIELDS_END * sizeof(int64_t))

    def total(self, name):
        return self.sum_of(place_of(name))

    def total_row(self, name):
        cdef int first, count
        first, count = row_of(name)
        return tuple([self.sum_of(field) for field in range(first, first + count)])

    cdef int64_t sum_of(self, int field) noexcept:
        cdef int index
        cdef int64_t total = self.at(self.slots)[field]
        for index in range(<int>self.used[0]):
            total += self.at(index)[field]
        return total

    cdef int checked(self, int index, int last) except -1:
        if not 0 <= index <= last:
            raise IndexError(f"this page has slots 0 to {self.slots - 1}, and no slot {index}")
        return index


@cython.final
cdef class Slot:

    def __cinit__(self, Page page=None, int index=0):
        if page is None:
            page = Page(1)  # one that belongs to nobody else has a page for itself
        self.page = page
        self.index = index
        self.values = page.at(page.checked(index, page.slots))
        # Who looks at all slots need not look at pages of memory that nobody has written yet.
        if page.used[0] <= index < page.slots:
            page.used[0] = index + 1

    def __getitem__(self, name):
        return self.values[<int>place_of(name)]

    def __setitem__(self, name, int64_t value):
        self.values[<int>place_of(name)] = value

    def keys(self):
        return [name for name, (_, count) in PLACES.items() if count == 1]

    def row(self, name):
        cdef int first, count, field
        first, count = row_of(name)
        return tuple([self.values[field] for field in range(first, first + count)])


cdef size_t size_of(int slots) noexcept:
    return (<size_t>slots + 1) * SLOT_VALUES * sizeof(int64_t)


cdef object place_of(object name):
    first, count = found(name)
    if count > 1:
        raise KeyError(f"{name} is a row of {count} values: ask for it with row() or total_row()")
    return first


cdef tuple row_of(object name):
    place = found(name)
    if place[1] == 1:
        raise KeyError(f"{name} is one value and no row")
    return place


cdef tuple found(object name):
    place = PLACES.get(name)
    if place is None:
        raise KeyError(f"a slot has no value {name!r}; it has {', '.join(PLACES)}")
    return place
