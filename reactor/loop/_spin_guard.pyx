"""What a loop has for bad times: some memory kept back, and a brake against spinning.

To end a connection, and to say so, takes memory itself. So some addresses are kept back and given
to whoever ends what found no more: nothing is written there, so they are no memory until then.

A selector that fails, or that tells again and again what nobody wants, would make the loop spin. A
race makes one or two such turns; past a number of them in a row every further one is a pause.
"""

from libc.errno cimport EINTR
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_NONE, mmap, munmap
from posix.unistd cimport usleep

import os

from reactor.errors import LoopError
from reactor.limits import DEFAULT_LIMITS

# Their reasons stand in `limits.py`, and in 0050.
cdef int VAIN_TURNS_MAX = DEFAULT_LIMITS.vain_turns_max
cdef unsigned int PAUSE_US = int(1e6 * DEFAULT_LIMITS.vain_turn_pause_s)
cdef size_t RESERVE_BYTES = DEFAULT_LIMITS.reserve_bytes


cdef class SpinGuard:

    def __dealloc__(self):
        self.spend_reserve()

    cdef void keep_reserve(self) noexcept:
        """If that cannot be, the next turn tries again."""
        cdef void *reserve = mmap(
            NULL, RESERVE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if reserve != MAP_FAILED:
            self.reserve = reserve

    cdef void spend_reserve(self) noexcept:
        """Memory is short: make room for ending something."""
        if self.reserve != NULL:
            munmap(self.reserve, RESERVE_BYTES)
            self.reserve = NULL

    cdef int turned_in_vain(self, int failed) except -1:
        """``failed``: the errno of the selector, 0 if it told something. Raises LoopError."""
        self.vain_turns += 1
        if self.vain_turns <= VAIN_TURNS_MAX:
            return 0
        if failed and failed != EINTR:
            raise LoopError(f"nothing can be served any more: epoll_wait: {os.strerror(failed)}")
        with nogil:
            usleep(PAUSE_US)
        return 0
