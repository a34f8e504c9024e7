"""What is left for the end of a turn: the C face of `_ending.pyx`."""

from reactor.loop._registration cimport Registration
from reactor.loop._spin_guard cimport SpinGuard

cdef class TurnEnd:
    cdef SpinGuard spin_guard
    cdef object lost            # deque of Registrations whose handlers are to be told
    cdef list flushing          # Registrations that have written something
    cdef list callbacks         # that are called once, when all is sent
    cdef list closing           # Registrations without a file object, and file objects

    cdef bint is_waited_for(self) noexcept
    cdef int lose(self, Registration registration) except -1
    cdef int close_later(self, object item) except -1
    cdef int surely_append(self, object items, object item) except -1
    cdef int notify_lost(self) except -1
    cdef int flush(self) except -1
    cdef int call_back(self) except -1
    cdef int close_all(self) except -1

cdef int close_item(object item) except -1
