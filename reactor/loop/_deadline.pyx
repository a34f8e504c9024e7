"""A time-out that moves with every request, at the price of one store.

A timer per request that is cancelled by the next one costs a heap operation twice per
request. A `Deadline` keeps one timestamp and at most one timer: moving it *later* only changes
the timestamp; the timer, when it comes too early, arms itself again for what is left.
"""

from libc.math cimport INFINITY


cdef class Deadline:

    def __init__(self, Loop loop, callback):
        self.loop = loop
        self.callback = callback
        self.when = INFINITY

    def set(self, double delay):
        self.set_in(delay)

    def extend(self, double seconds, double at_most):
        self.move_to(min(self.when + seconds, self.loop.time_now() + at_most))

    def clear(self):
        self.when = INFINITY

    def cancel(self):
        # For good: the owner is closing, and no timer may keep it alive.
        self.when = INFINITY
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    cdef int set_in(self, double delay) except -1:
        return self.move_to(self.loop.time_now() + delay)

    cdef int move_to(self, double when) except -1:
        self.when = when
        if when == INFINITY:
            return 0
        if self.timer is not None:
            if self.timer_when <= when:
                return 0
            self.timer.cancel()
        self.timer_when = when
        self.timer = self.loop.call_at(when, self._on_timer)
        return 0

    def _on_timer(self):
        self.timer = None
        if self.when == INFINITY:
            return
        if self.when > self.loop.time_now():
            self.move_to(self.when)
            return
        self.when = INFINITY
        self.callback()
