"""Which of several processes that accept from one socket takes the next connection.

The kernel wakes the first who waits, and that is the same one again and again: alone EPOLLEXCLUSIVE
gives all connections to one worker (0071). So whoever has taken some in a row goes to the end of
the kernel's queue, and whoever has more than the others leaves the socket to them for a moment. How
many each of them has, and who is held up, is in the page that they share.

Must never know: a socket.
"""

from libc.stdint cimport int64_t

from reactor.process._page cimport (
    ACCEPTS_LEFT, CONNECTIONS, IN_TURN, READY, STATE, TURN_BEGAN_NS, Page, Slot)


cdef class Share:
    """What a process has to do with one listening socket that is not its alone."""

    cdef bint is_over(self, double now) noexcept:
        """Whether it has more than those who could accept have on average: by more than one, and by
        more than an eighth."""
        cdef Page page = self.slot.page
        cdef int64_t *other
        cdef int64_t mine = self.slot.values[CONNECTIONS]
        cdef int64_t count = 1, total = mine
        # Whoever was held up so long does not accept within the moment that it is left to him.
        cdef int64_t too_long = <int64_t>((now - self.pause_s) * 1e9)
        cdef int index
        for index in range(<int>page.used[0]):
            other = page.at(index)
            if other[STATE] != READY or other == self.slot.values:
                continue
            if not other[IN_TURN] or other[TURN_BEGAN_NS] > too_long:
                count += 1
                total += other[CONNECTIONS]
        # Without fractions: each side is times the number of workers.
        return mine * count > total + max(count, total // 8)

    cdef bint is_anothers(self, double now) noexcept:
        """Whether a sibling is on its way to the one that waits. A worker that is awake is woken for
        nobody: the kernel wakes the next one who sleeps. That one is faster than a request which
        this process has accepted a moment ago, and which may hold it up."""
        return now - self.accepted_at < self.wake_s and self.has_sleeper()

    cdef bint has_sleeper(self) noexcept:
        """Whether a sibling that has fewer connections waits in its selector."""
        cdef Page page = self.slot.page
        cdef int64_t *other
        cdef int index
        for index in range(<int>page.used[0]):
            other = page.at(index)
            if (other[STATE] == READY and not other[IN_TURN]
                    and other[CONNECTIONS] < self.slot.values[CONNECTIONS]):
                return True
        return False

    cdef bint was_the_last(self, double now) noexcept:
        """One was accepted: whether the others shall accept the next one."""
        self.in_a_row += 1
        self.accepted_at = now
        return self.is_anothers(now) or self.is_over(now)

    cdef bint leaves(self, double now) noexcept:
        """Whether the others shall accept. If they had their moment, it is for this process to take
        who is there still."""
        self.left = not self.left and self.is_over(now)
        self.slot.values[ACCEPTS_LEFT] += self.left
        return self.left

    cdef bint goes_to_the_end(self) noexcept:
        """Of the kernel's queue, so that it wakes another one for the next client: at once, if one
        with fewer connections sleeps; else after some, since counts do not tell of short ones."""
        return self.in_a_row >= self.in_a_row_max or (self.in_a_row > 0 and self.has_sleeper())


cdef Share share_of(Slot slot, object limits):
    """None where nobody else accepts."""
    cdef Share share
    if slot is None or slot.page.slots == 1:
        return None
    share = Share.__new__(Share)
    share.slot = slot
    share.per_turn = limits.shared_accepts_per_turn_max
    share.in_a_row_max = limits.shared_accepts_in_a_row_max
    share.pause_s = limits.shared_pause_s
    share.wake_s = limits.shared_wake_s
    return share
