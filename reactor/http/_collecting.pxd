"""A request's body while it is collected: the C face of `_collecting.pyx`."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

cdef class BodyRoom:
    cdef readonly int64_t held      # bytes of all bodies in it that are not answered yet
    cdef readonly dict bodies       # these, {CollectedBody: None}, the oldest first
    cdef int64_t most
    cdef dict waiting               # {CollectedBody: (wake, refuse)}, the first to wait first

    cdef bint is_full(self) noexcept
    cdef int let_go_on(self) except -1
    cdef int enter(self, CollectedBody body) except -1
    cdef int leave(self, CollectedBody body) except -1

cdef class BodyStore:
    cdef readonly BodyRoom memory, files
    cdef object open_file           # makes a BodyFile, or None; None itself: there are no files
    cdef int64_t in_memory_max, files_max

    cdef int64_t most(self) noexcept
    cdef bint takes_file(self, int64_t size) except -1

cdef class CollectedBody:
    cdef BodyStore store
    cdef BodyRoom room              # what it counts against; None: it was released
    cdef object file                # the BodyFile that it is in; None: in memory
    cdef bint stays                 # in memory, however long it becomes
    cdef PyObject *data             # a bytes object that nobody else has, larger than what it holds
    cdef readonly int64_t size
    cdef int64_t capacity, most

    cdef int append(self, bytes piece) except -1
    cdef int settle(self) except -1
    cdef int move(self, BodyRoom room) except -1
    cdef int grow(self, int64_t needed) except -1
    cdef object take(self)
    cdef bytes take_bytes(self)
    cdef int wait(self, object wake, object refuse) except -1
    cdef int release(self) except -1
