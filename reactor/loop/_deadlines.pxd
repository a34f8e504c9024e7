"""The next of many deadlines: the C face of `_deadlines.pyx`."""

from reactor.loop._registration cimport Registration

cdef struct Entry:
    double due                      # never later than the registration's deadline
    void *registration              # a counted reference

cdef class Deadlines:
    cdef Entry *heap
    cdef Py_ssize_t count, capacity
    cdef object nothing             # with an object among its members it is the collector's to visit

    cdef int set(self, Registration registration, double when) except -1
    cdef int forget(self, Registration registration) except -1
    cdef bint holds(self, Registration registration) noexcept
    cdef bint is_due(self, double now) except -1
    cdef Registration pop_due(self, double now)
    cdef int clear(self) except -1
    cdef double next_due(self) noexcept
    cdef int push(self, Registration registration, double due) except -1
    cdef void up(self, Py_ssize_t place, Entry entry) noexcept
    cdef void down(self, Py_ssize_t place, Entry entry) noexcept
    cdef void put(self, Py_ssize_t place, Entry entry) noexcept
