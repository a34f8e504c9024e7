"""Whose turn it is to accept: the C face of `_balance.pyx`."""

from reactor.process._page cimport Slot

cdef class Share:
    cdef Slot slot
    cdef int per_turn
    cdef int in_a_row, in_a_row_max # accepted since this process was put into the kernel's queue
    cdef double pause_s, wake_s, accepted_at
    cdef bint left                  # to the others, for a moment

    cdef bint is_over(self, double now) noexcept
    cdef bint is_anothers(self, double now) noexcept
    cdef bint has_sleeper(self) noexcept
    cdef bint was_the_last(self, double now) noexcept
    cdef bint leaves(self, double now) noexcept
    cdef bint goes_to_the_end(self) noexcept

cdef Share share_of(Slot slot, object limits)
