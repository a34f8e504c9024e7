"""Which descriptors are watched, for which events, and until when.

The loop is made of it. A `Registration` carries what is wanted now; the selector is told when that
changes, through its C face if it has one; the deadlines are a heap beside it.

Must never know: when it is asked, what a turn is, or what a handler does.
"""

from reactor.loop._registration cimport READ, WRITE, check_registered, events_checked


cdef class Registry:

    def __cinit__(self):
        self._deadlines = Deadlines()

    cdef int check_open(self) except -1:
        raise NotImplementedError  # a loop knows whether it is open; alone this never was

    def register(self, fileobj, events, handler):
        self.check_open()
        if handler is None:
            raise TypeError("a registration needs a handler")
        registration = Registration(fileobj, 0, handler)
        self.modify_events(registration, events_checked(events))
        return registration

    def modify(self, Registration registration not None, events):
        self.check_open()
        check_registered(registration)
        self.modify_events(registration, events_checked(events))

    cdef int modify_events(self, Registration registration, int events) except -1:
        cdef int before = registration.events
        if events == before:
            return 0
        if self.poller is not None:
            return self.poller.watch(registration, events)
        events &= READ | WRITE  # no other selector can tell of more
        if not events:
            registration.events = 0
            self._selector.unregister(registration.fileobj)
        elif not before:
            self._selector.register(registration.fileobj, events, registration)
        else:
            self._selector.modify(registration.fileobj, events, registration)
        registration.events = events  # not before: it may have been refused
        return 0

    def unregister(self, Registration registration not None):
        self.forget(registration)
        # A handler holds its registration: without this the two would wait for the collector.
        registration.handler = None

    cdef int forget(self, Registration registration) except -1:
        self.modify_events(registration, 0)
        self._deadlines.forget(registration)
        return 0

    cdef int expire_at(self, Registration registration, double when) except -1:
        return self._deadlines.set(registration, when)
