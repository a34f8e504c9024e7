"""Whether a connection is open, and how long it waits: for its protocol's deadline, for a peer that
takes nothing of what is sent, and for one that goes on sending after our end (0051).

The loop holds one time per registration: whichever of a connection's own is the next. A time that
moves later costs a store.

Must never know: what is sent or received, or how a connection ends.
"""

from libc.errno cimport ETIMEDOUT
from libc.math cimport INFINITY

from reactor.loop._core cimport read_clock
from reactor.net._socket cimport unacknowledged


cpdef double charged(double paid, double read, double least, int pauses_max) noexcept:
    return max(paid, read - pauses_max * least) + least


cdef class TimedEndpoint(Endpoint):

    cdef int deadline_over(self) except -1:
        raise NotImplementedError

    cdef int close_now(self, object error) except -1:
        raise NotImplementedError

    cdef int check_made(self) except -1:
        if self.owner is None:
            raise RuntimeError(f"{type(self).__name__} was not made: call super().__init__()")
        return 0

    cdef int never_open(self) except -1:
        # The two hold each other: without this the descriptor would wait for the collector.
        if self.registration is not None:
            self.loop.unregister(self.registration)
        return 0

    cdef bint is_open(self) noexcept:
        return self.state != CLOSED

    def is_closing(self):
        return self.state != OPEN

    cpdef double time(self) except? -1:
        if self.owner is None:
            self.check_made()
        return read_clock(self.loop)

    cpdef double turn_began(self) except? -1:
        if self.owner is None:
            self.check_made()
        return self.loop.now if self.loop._in_turn else self.loop.time_now()

    cdef int due(self) except -1:
        cdef double now = self.loop.time_now()
        if self.state == LINGERING:
            if min(self.deadline, self.stall) <= now:
                self.close_now(None)
        elif self.stall <= now and not self.takes_slowly():
            self.close_now(TimeoutError(ETIMEDOUT, "the peer takes nothing of what is sent"))
        elif self.deadline <= now:
            self.deadline = INFINITY
            self.deadline_over()
        if self.state != CLOSED:
            self.arm()  # whichever of the two is next
        return 0

    cdef int watch_for_stall(self, bint progress, bint left) except -1:
        """Something was sent, or not, and something is left over, or not."""
        if not left:
            self.stall = INFINITY  # the loop's deadline may stay: it will find nothing to do
        elif progress or self.stall == INFINITY:
            self.expect_progress()
            self.arm()
        return 0

    cdef int expect_progress(self) except -1:
        self.stall = self.loop.time_now() + self.owner.write_timeout
        self.queued = unacknowledged(self.fd)
        return 0

    cdef bint takes_slowly(self) except -1:
        """Whether the peer took something, though not the third of the kernel's buffer that has to be
        free before the kernel takes more of us; or pauses, and may."""
        cdef ConnectionOwner owner = self.owner
        cdef int queued_then = self.queued
        cdef double read
        self.expect_progress()
        if self.queued < 0:
            return False
        read = self.taken - self.queued - owner.window
        self.paid = charged(self.paid, read, owner.least_taken, owner.pauses_max)
        return queued_then - self.queued >= owner.least_taken or read >= self.paid

    cdef int linger_begins(self) except -1:
        self.since = self.loop.time_now()
        self.stall = self.since + self.owner.linger_time
        return self.set_deadline_at(self.since + self.owner.linger_timeout)

    cdef int linger_on(self, Py_ssize_t dropped) except -1:
        """Give a peer that goes on sending more time, the more the faster it sends."""
        cdef ConnectionOwner owner = self.owner
        if dropped == 0:
            return self.close_now(None)
        self.since = self.loop.time_now()
        return self.set_deadline_at(min(
            self.deadline + dropped / owner.linger_rate,
            self.since + owner.linger_timeout, self.stall - owner.linger_cut))

    cdef int expire_in(self, double seconds) except -1:
        if self.state == OPEN:
            self.since = self.loop.time_now()
            self.set_deadline_at(self.since + seconds if seconds >= 0 else INFINITY)
        return 0

    cpdef double waited(self) except? -1:
        self.check_made()
        return self.loop.time_now() - self.since

    def extend_deadline(self, double seconds, double at_most):
        if seconds != seconds or at_most != at_most:
            raise ValueError("a deadline is a number of seconds, not nan")
        if self.state == OPEN:
            self.set_deadline_at(min(self.deadline + seconds, self.loop.time_now() + at_most))

    cdef int set_deadline_at(self, double when) except -1:
        self.deadline = when
        return self.arm()

    cdef int arm(self) except -1:
        return self.loop.expire_at(self.registration, min(self.deadline, self.stall))
