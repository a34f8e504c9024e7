"""The loop: wait for descriptors, dispatch to their handlers, run what is due.

One *turn* is one iteration:

    select ─> handlers of ready descriptors ─> due deadlines, timers ─> callbacks ─> close descriptors
                     ▲ all that is ready, before a deadline is over

* `select` is called on one line, and the clock is read on one line, right after it.
* A `Registration` carries the events that are wanted *now*. An event that was reported for
  something that an earlier handler of the same batch has taken away meanwhile meets a
  registration that does not want it, and is dropped.
* Descriptors are closed at the end of the turn, so that the kernel cannot hand out a number
  again while the batch still holds events for it.
* Before anything expires, everything that is ready is read, however much it is: a process that was
  stopped, or held up by a handler, finds the deadlines of those over who have asked in time.
* Callbacks that are added during a turn run in the next one: a callback that schedules itself
  cannot starve the sockets.

The loop never catches what a `Handler` raises: handlers are this package's own, they answer for
their users' code, and a fault of theirs ends `run`. Nothing that passes ends it: a turn that has no
memory, or a selector that fails, is a turn in vain, and the next one may do better. The
docstrings are in `_core.pyi`.
"""

from libc.math cimport INFINITY

from reactor.process._forked cimport end_forked, generation, serving_begins, serving_ends
from reactor.loop._ending cimport TurnEnd, close_item
from reactor.loop._heartbeat cimport turn_begins, turn_ends
from reactor.loop._registration cimport (
    DUE, HANGUP, READ, WRITE, Poller, Registration, check_callable, check_registered)
from reactor.loop._spin_guard cimport SpinGuard

from libc.errno cimport EAGAIN, errno
from libc.stdint cimport uint64_t
from posix.unistd cimport write

from cpython.exc cimport PyErr_SetFromErrno

from cpython.bytearray cimport PyByteArray_FromStringAndSize

import selectors
import sys
import time
import warnings
from collections import deque

from reactor.limits import DEFAULT_LIMITS
from reactor.loop.timers import Handle, Timers
from reactor.loop.wakeup import SignalWatcher, Waker
from reactor.process.interrupts import is_from_a_signal

cdef enum:
    # Where selectors.SelectorKey, a named tuple, has it: by name it is a call per event.
    KEY_DATA = 3

EVENT_READ = selectors.EVENT_READ
EVENT_WRITE = selectors.EVENT_WRITE
cdef object MONOTONIC = time.monotonic


def default_selector():
    if sys.platform == "linux":
        from reactor.loop._epoll import EpollSelector

        return EpollSelector()
    return selectors.DefaultSelector()


cdef class Loop(Registry):

    def __cinit__(self):
        # Until it is made it is as one that is closed: a subclass may forget to call `__init__`.
        self.closed = True
        self.generation = generation
        self.wake_fd = -1
        self._timers = Timers()
        self.timer_heap = self._timers._heap
        self.ready = deque()
        self.from_threads = deque()
        self.spin_guard = SpinGuard()
        self.turn_end = TurnEnd(self.spin_guard)

    def __init__(self, selector=None, clock=None, read_bytes=DEFAULT_LIMITS.read_bytes_max):
        if self.scratch is not None:
            raise RuntimeError("a loop is made once")
        if not (selector is None or isinstance(selector, selectors.BaseSelector)):
            raise TypeError(f"a selector is a selectors.BaseSelector, not {selector!r}")
        if read_bytes <= 0:
            raise ValueError(f"read_bytes is above zero, not {read_bytes!r}")
        self.clock = MONOTONIC if clock is None else clock
        self.reads_monotonic = self.clock is MONOTONIC and sys.platform == "linux"
        self.now = read_clock(self)
        self.scratch = PyByteArray_FromStringAndSize(NULL, read_bytes)
        self._selector = default_selector() if selector is None else selector
        self.poller = self._selector if isinstance(self._selector, Poller) else None
        try:
            self._waker = Waker(self._take_from_threads)
            self.wake_fd = self._waker.writer
            self.modify_events(Registration(self._waker, 0, self._waker), READ)
        except BaseException:
            self.release()
            raise
        self.closed = False

    def __del__(self):
        if not self.closed:
            try:  # a warning may be an error
                warnings.warn(f"{self!r} was dropped and not closed", ResourceWarning, source=self)
            finally:
                self.release()

    # --- running --------------------------------------------------------------------------

    def run(self, turns=None):
        self.check_open()
        if self.running:
            raise RuntimeError("this loop is already running")
        self.running = True
        before = serving_begins()
        self.generation = generation
        try:
            if self.signals is not None:
                self.signals.listen()
            if turns is None:
                self.turn_until_stopped()
            else:
                turns()
        finally:
            self.running = False
            self.stopping = False
            if self.slot is not None:
                turn_ends(self.slot, read_clock(self))
            serving_ends(before)

    cdef int turn_until_stopped(self) except -1:
        while not self.stopping:
            try:
                while not self.stopping:
                    self.run_once()
            except MemoryError as error:
                # The loop's own: what a connection lacks, it ends with.
                self.spin_guard.spend_reserve()
                if self.spin_guard.vain_turns == 0:
                    self.report(error, "taking a turn of the loop")
                self.spin_guard.turned_in_vain(0)
        return 0

    def run_once(self, timeout=None):
        cdef int count
        self.check_open()
        if self._in_turn:
            raise RuntimeError("a turn cannot run within a turn")
        if self.spin_guard.reserve == NULL:
            self.spin_guard.keep_reserve()
        waits = self.select_timeout(timeout)
        if self.slot is not None:
            turn_ends(self.slot, read_clock(self))
        count = self.look(waits)
        self.now = read_clock(self)
        if self.slot is not None:
            turn_begins(self.slot, self.now)
        if self.on_turn_began is not None:
            self.on_turn_began(self.now)
        self._in_turn = True
        try:
            if count:
                self.dispatch_found(count)
            elif self.poller is not None and self.poller.failed:
                self.spin_guard.turned_in_vain(self.poller.failed)
            else:
                self.spin_guard.vain_turns = 0
            self.run_due()
        finally:
            if self.generation != generation:
                end_forked(sys.exception())
            self._in_turn = False
            self.turn_end.close_all()

    cdef int look(self, object timeout) except -1:
        """Ask the selector: how many are ready."""
        if self.poller is not None:
            return self.poller.wait(timeout)
        self.found = self._selector.select(timeout)
        return len(self.found)

    cdef int dispatch_found(self, int count) except -1:
        cdef Registration registration
        cdef int index, mask
        cdef bint taken = False
        if self.poller is None:
            found, self.found = self.found, None
            for key, mask in found:
                taken |= dispatch((<tuple>key)[KEY_DATA], mask)
        else:
            for index in range(count):
                registration = self.poller.ready(index, &mask)
                if registration is not None:
                    taken |= dispatch(registration, mask)
        if taken:
            self.spin_guard.vain_turns = 0
        else:
            self.spin_guard.turned_in_vain(0)
        return 0

    cdef int read_all(self) except -1:
        """Dispatch whatever is ready by now, before a deadline is over by this turn's clock."""
        # A batch that is not full was the last. Bounded, since more comes all the time; the kernel
        # takes turns, so everything that was ready at the first call has been in one of them.
        cdef int calls = 1
        cdef int count
        if self.poller is not None:
            calls += self.poller.watched_below() // self.poller.batch_max
        while calls:
            calls -= 1
            count = self.look(0)
            if count:
                self.dispatch_found(count)
            if self.poller is not None and count < self.poller.batch_max:
                break
        return 0

    cdef int run_due(self) except -1:
        cdef Registration registration
        cdef Py_ssize_t count
        cdef list timers = []
        if self.next_timer <= self.now:
            timers = self._timers.pop_due(self.now)
        if len(timers) or self._deadlines.is_due(self.now):
            self.read_all()
            # Bounded: a handler whose next deadline is now has it in the next turn.
            count = len(self._deadlines)
            while count:
                count -= 1
                registration = self._deadlines.pop_due(self.now)
                if registration is None:
                    break
                registration.react(registration.handler, DUE)
            for timer in timers:
                self.call(timer)
        if len(self.turn_end.lost):
            self.turn_end.notify_lost()
        count = len(self.ready)
        while count:
            count -= 1
            self.call(self.ready.popleft())
        if len(self.turn_end.flushing):
            self.turn_end.flush()
        if len(self.turn_end.callbacks):
            self.turn_end.call_back()
        return 0

    def stop(self):
        self.stopping = True

    def close(self):
        if self.closed:
            return
        if self.running:
            raise RuntimeError("stop the loop before it is closed")
        raised = None
        for _ in range(len(self.turn_end.lost)):
            try:
                self.turn_end.notify_lost()
            except BaseException as error:  # the others are told in spite of it
                raised = error
        self.release()
        if raised is not None:
            raise raised

    cdef int release(self) except -1:
        self.closed = True
        self.wake_fd = -1
        self._deadlines.clear()
        self.ready.clear()
        self.from_threads.clear()
        try:
            if self.signals is not None:
                self.signals.close()
        finally:
            if self._waker is not None:
                self._waker.close()
            self._selector.close()
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def time(self):
        return self.time_now()

    cdef double time_now(self) except -1:
        if not self._in_turn:
            self.now = read_clock(self)
        return self.now

    @property
    def in_turn(self):
        return self._in_turn

    @property
    def turn_began(self):
        return self.now

    # --- callbacks ------------------------------------------------------------------------

    def call_soon(self, callback, *args):
        self.check_open()
        check_callable(callback)
        handle = Handle(callback, args)
        self.ready.append(handle)
        return handle

    def call_soon_threadsafe(self, callback, *args):
        check_callable(callback)
        handle = Handle(callback, args)
        # From here on no other thread has a turn, so nobody closes it before it is written to.
        self.check_open()
        self.from_threads.append(handle)
        # One write wakes the loop for however many callbacks are queued behind it.
        if not self.wake_sent:
            self.wake_sent = self.wake()
        return handle

    cdef int wake(self) except -1:
        # Not os.write, which lets other threads go on between our look at the number and its use.
        cdef uint64_t one = 1
        if write(self.wake_fd, &one, sizeof(one)) == sizeof(one):
            return 1
        if errno != EAGAIN:
            PyErr_SetFromErrno(OSError)
        return 0  # so many are under way that the loop cannot miss them

    def call_later(self, delay, callback, *args):
        return self.timer(self.time_now() + <double>delay, callback, args)

    def call_at(self, when, callback, *args):
        return self.timer(when, callback, args)

    cdef object timer(self, double when, object callback, tuple args):
        self.check_open()
        if when != when:
            raise ValueError("the time of a timer is a number, not nan")  # it would end all others
        check_callable(callback)
        return self._timers.add(when, callback, args)

    def on_signal(self, number, callback, *args):
        self.check_open()
        check_callable(callback)
        if self.signals is None:
            signals = SignalWatcher(self.call_soon, self.call_soon_threadsafe)
            self.register(signals, READ, signals)
            self.signals = signals
        self.signals.watch(number, callback, args)

    cdef int pass_others(self, object exception) except -1:
        """An application has raised this: raise it again if it is no fault of its code."""
        if self.generation != generation:
            end_forked(exception)
        if is_from_a_signal(exception):
            raise exception
        return 0

    def report(self, exception, doing):
        from reactor.log import report  # a loop that has nothing to report starts without it

        report(exception, doing)

    # --- descriptors ----------------------------------------------------------------------

    cdef int lose(self, Registration registration, object fileobj) except -1:
        """Unregister and close; then, but not from here, tell the handler by LOST: it may be in
        the middle of the call that led to this. Without ``fileobj`` the descriptor is closed."""
        self.forget(registration)
        self.turn_end.lose(registration)
        return self.close_when_over(registration if fileobj is None else fileobj)

    cdef int close_when_over(self, object item) except -1:
        return self.turn_end.close_later(item) if self._in_turn else close_item(item)

    def set_deadline(self, Registration registration not None, delay):
        cdef double when = INFINITY if delay is None else self.time_now() + <double>delay
        self.check_open()
        check_registered(registration)
        if when != when:
            raise ValueError("a deadline is a number of seconds, not nan")
        self.expire_at(registration, when)

    def close_at_turn_end(self, fileobj):
        self.close_when_over(fileobj)

    # --- inside ---------------------------------------------------------------------------

    cdef object select_timeout(self, object timeout):
        cdef double due
        # The timers are asked once a turn: one that is set during it is for a later one.
        when = self._timers.next_when() if self.timer_heap else None
        self.next_timer = INFINITY if when is None else <double>when
        if self.ready or self.turn_end.is_waited_for() or self.stopping:
            return 0
        due = min(self._deadlines.next_due(), self.next_timer)
        if due == INFINITY:
            return timeout
        due = max(0.0, due - self.now)
        return due if timeout is None else min(<double>timeout, due)

    cdef int call(self, object handle) except -1:
        try:
            handle.run()
        except SystemExit:
            raise  # somebody wants the process to end
        except BaseException as exception:
            self.pass_others(exception)
            self.report(exception, f"running {handle!r}")
        return 0

    def _take_from_threads(self):
        # The flag first: a callback that is queued after this line writes its own wake-up.
        self.wake_sent = False
        while self.from_threads:
            self.ready.append(self.from_threads.popleft())

    cdef int check_open(self) except -1:
        if self.closed:
            raise RuntimeError(
                "this loop is closed" if self.scratch is not None
                else f"{type(self).__name__} was not made: call super().__init__()")
        return 0


cdef inline int dispatch(Registration registration, int mask) except -1:
    """1 if somebody wanted it."""
    cdef int taken = 0
    # What it wants is asked each time: a handler of this batch, itself too, may have changed it.
    if registration.events & mask & READ:
        registration.react(registration.handler, READ)
        taken = 1
    if registration.events & mask & WRITE:
        registration.react(registration.handler, WRITE)
        taken = 1
    if not taken and registration.events & mask & HANGUP:
        registration.react(registration.handler, HANGUP)
        taken = 1
    return taken
