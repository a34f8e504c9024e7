"""What a loop has for bad times: the C face of `_spin_guard.pyx`."""

cdef class SpinGuard:
    cdef void *reserve          # addresses that nothing is at, until memory is short
    cdef int vain_turns         # in a row

    cdef void keep_reserve(self) noexcept
    cdef void spend_reserve(self) noexcept
    cdef int turned_in_vain(self, int failed) except -1
