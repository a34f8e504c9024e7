"""The generator's clock: the C face of `_clock.pyx`."""

from libc.stdint cimport int64_t

cdef int64_t now_ns() noexcept nogil
cdef int open_timer() except -1                         # a descriptor, readable when it is due
cdef int set_timer(int timer, int64_t due) except -1    # 0: never; it is not readable any more
