"""The loop: the C face of `_core.pyx`."""

from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from reactor.loop._ending cimport TurnEnd
from reactor.loop._registration cimport Registration
from reactor.loop._registry cimport Registry
from reactor.loop._spin_guard cimport SpinGuard
from reactor.process._page cimport Slot

cdef class Loop(Registry):
    cdef readonly object _timers, _waker
    cdef list timer_heap
    cdef readonly object clock
    cdef bint reads_monotonic       # the clock is the system's: in C a third of the call
    cdef public object on_turn_began
    cdef public Slot slot           # where it writes how it is; None: nowhere
    cdef object ready, from_threads, signals
    cdef list found                 # by the last `select`
    cdef double now, next_timer
    cdef readonly bint _in_turn, closed
    cdef bint wake_sent, running, stopping
    cdef int generation             # of `_forked`, when it was made or run last
    cdef int wake_fd                # -1 once it is closed
    cdef SpinGuard spin_guard
    cdef readonly TurnEnd turn_end
    cdef bytearray scratch          # every connection of this loop receives into it

    cdef double time_now(self) except -1
    cdef int turn_until_stopped(self) except -1
    cdef int look(self, object timeout) except -1
    cdef int dispatch_found(self, int count) except -1
    cdef int read_all(self) except -1
    cdef int run_due(self) except -1
    cdef int lose(self, Registration registration, object fileobj) except -1
    cdef int close_when_over(self, object item) except -1
    cdef object select_timeout(self, object timeout)
    cdef int pass_others(self, object exception) except -1
    cdef int call(self, object handle) except -1
    cdef int release(self) except -1
    cdef int wake(self) except -1
    cdef object timer(self, double when, object callback, tuple args)

cdef inline double read_clock(Loop loop) except? -1:
    cdef timespec at
    if not loop.reads_monotonic:
        return loop.clock()
    clock_gettime(CLOCK_MONOTONIC, &at)
    return <double>(at.tv_sec * 1_000_000_000 + at.tv_nsec) / 1e9  # as Python has it
