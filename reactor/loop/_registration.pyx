"""One descriptor in the selector, and the C face of a selector.

The loop keeps a `Registration` for each descriptor: whose it is, which events are wanted *now*,
what they do, and until when it has time. A compiled selector keeps the same objects, so that
nothing is made and nothing looked up between the kernel's answer and the handler.
"""

cimport cython
from libc.math cimport INFINITY

cdef enum:
    DESCRIPTOR_MAX = 0x7fffffff     # an int


@cython.freelist(16)
cdef class Registration:

    def __cinit__(self):
        self.react = call_handler
        self.deadline = INFINITY
        self.place = -1
        self.fd = -1

    def __init__(self, fileobj, events, handler):
        self.fd = descriptor_checked(fileobj)
        if not isinstance(fileobj, int):
            self.named = fileobj
        self.events = events_checked(events)
        self.handler = handler

    @property
    def fileobj(self):
        return self.fd if self.named is None else self.named


cdef Registration registration_of(
    int fd, object handler, int (*react)(object handler, int event) except -1):
    cdef Registration registration = Registration.__new__(Registration)
    registration.fd = fd
    registration.handler = handler
    registration.react = react
    return registration


cdef int descriptor_checked(object fileobj) except -1:
    """As `selectors` checks it: a closed file or socket has none."""
    cdef object number = fileobj
    try:
        if not isinstance(fileobj, int):
            number = int(fileobj.fileno())
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"invalid file object: {fileobj!r}") from None
    if not 0 <= number <= DESCRIPTOR_MAX:
        raise ValueError(f"invalid file descriptor: {number!r}")
    return number


cdef int check_callable(object callback) except -1:
    if not callable(callback):
        raise TypeError(f"a callback is callable, not {callback!r}")
    return 0


cdef int check_registered(Registration registration) except -1:
    if registration.handler is None:
        raise ValueError("it is not registered, or not any more")
    return 0


cdef int events_checked(object events) except -1:
    if not isinstance(events, int):
        raise TypeError(f"events are EVENT_READ, EVENT_WRITE or both, not {events!r}")
    if not 0 <= events <= (READ | WRITE):
        raise ValueError(f"invalid events: {events!r}")
    return events


cdef int call_handler(object handler, int event) except -1:
    if event == READ:
        handler.on_readable()
    elif event == WRITE:
        handler.on_writable()
    elif event == DUE:
        handler.on_deadline()
    return 0


cdef class Poller:

    cdef int watch(self, Registration registration, int events) except -1:
        """Want these events of it from now on, or, if there are none, forget it."""
        raise NotImplementedError

    cdef int wait(self, object timeout) except -1:
        """How many are ready; ``ready`` gives each of them until the next call. 0 if it has
        failed, too: `failed` says why."""
        raise NotImplementedError

    cdef int watched_below(self) noexcept:
        """No more than so many can be ready at once."""
        return 0

    cdef Registration ready(self, int index, int *mask):
        """None if it was forgotten since."""
        raise NotImplementedError
