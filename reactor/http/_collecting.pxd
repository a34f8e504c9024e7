"""A request's body while it is collected: the C face of `_collecting.pyx`."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

cdef class BodyMemory:
    cdef readonly int64_t held      # bytes of all bodies that are not answered yet
    cdef readonly dict bodies       # these, {CollectedBody: None}, the oldest first
    cdef int64_t most
    cdef dict waiting               # {CollectedBody: (wake, refuse)}, the first to wait first

    cdef bint is_full(self) noexcept
    cdef int let_go_on(self) except -1

cdef class CollectedBody:
    cdef BodyMemory memory
    cdef PyObject *data             # a bytes object that nobody else has, larger than what it holds
    cdef readonly int64_t size
    cdef int64_t capacity, most

    cdef int append(self, bytes piece) except -1
    cdef int grow(self, int64_t needed) except -1
    cdef bytes take(self)
    cdef int wait(self, object wake, object refuse) except -1
    cdef int release(self) except -1
