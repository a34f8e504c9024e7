"""Which descriptors are watched, and for what: the C face of `_registry.pyx`."""

from reactor.loop._deadlines cimport Deadlines
from reactor.loop._registration cimport Poller, Registration

cdef class Registry:
    cdef readonly object _selector
    cdef readonly Deadlines _deadlines
    cdef Poller poller              # the selector, if it has a C face; else None

    cdef int check_open(self) except -1
    cdef int modify_events(self, Registration registration, int events) except -1
    cdef int forget(self, Registration registration) except -1
    cdef int expire_at(self, Registration registration, double when) except -1
