"""What is left for the end of a turn: who is lost, what is sent, who is called, what is closed.

Descriptors are closed last, so that the kernel cannot hand out a number again while the batch
of events still holds one for it.

Must never know: why a handler is lost, or what it sends.
"""

from posix.unistd cimport close

from reactor.loop._registration cimport FLUSH, LOST, Registration
from reactor.loop._spin_guard cimport SpinGuard

from collections import deque


cdef class TurnEnd:

    def __cinit__(self, SpinGuard spin_guard not None):
        self.spin_guard = spin_guard
        self.lost = deque()
        self.flushing = []
        self.callbacks = []
        self.closing = []

    cdef bint is_waited_for(self) noexcept:
        """Whether the next turn must not wait: somebody is still to be told, or to send."""
        return len(self.lost) > 0 or len(self.flushing) > 0 or len(self.callbacks) > 0

    cdef int lose(self, Registration registration) except -1:
        return self.surely_append(self.lost, registration)

    cdef int close_later(self, object item) except -1:
        return self.surely_append(self.closing, item)

    cdef int surely_append(self, object items, object item) except -1:
        """What is forgotten here would be open for ever."""
        try:
            items.append(item)
        except MemoryError:
            self.spin_guard.spend_reserve()
            items.append(item)
        return 0

    cdef int notify_lost(self) except -1:
        cdef Registration registration
        cdef Py_ssize_t count = len(self.lost)
        while count:
            count -= 1
            registration = self.lost.popleft()
            handler, registration.handler = registration.handler, None
            registration.react(handler, LOST)
        return 0

    cdef int flush(self) except -1:
        # Callbacks would do as well, but who ends for want of memory must not need a new object.
        cdef Registration registration
        cdef Py_ssize_t count = len(self.flushing)
        for index in range(count):
            registration = self.flushing[index]
            if registration.handler is not None:
                registration.react(registration.handler, FLUSH)
        del self.flushing[:count]
        return 0

    def call(self, callback):
        self.callbacks.append(callback)

    cdef int call_back(self) except -1:
        cdef list callbacks = self.callbacks
        self.callbacks = []
        for callback in callbacks:
            callback()
        return 0

    cdef int close_all(self) except -1:
        while self.closing:
            close_item(self.closing.pop())
        return 0


cdef int close_item(object item) except -1:
    if isinstance(item, Registration):
        close((<Registration>item).fd)
        return 0
    try:
        item.close()
    except OSError:
        pass  # close(2): its number is free all the same
    return 0
