"""epoll behind `selectors.BaseSelector`, compiled.

The standard library's selector builds the answer of each call in Python: about 1 us for one
ready descriptor, three times what the system call costs. This one keeps `Registration`s in a list
indexed by the descriptor, and hands them to the loop by its C face, `Poller`; a `SelectorKey` is
made only for who uses the Python one. Linux only; elsewhere the loop takes
`selectors.DefaultSelector`.
"""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport EEXIST, EINTR, errno
from libc.math cimport ceil
from libc.stdint cimport uint32_t

from reactor.loop._registration cimport (
    EXCLUSIVE, GONE, HANGUP, READ, WRITE, Poller, Registration, call_handler, descriptor_checked,
    events_checked)

import os
import selectors
from abc import ABCMeta
from collections.abc import Mapping

cdef extern from *:
    """
    #include <errno.h>
    #include <stdint.h>
    #ifdef __linux__
    #include <sys/epoll.h>
    #else
    /* Elsewhere `Loop` takes `selectors.DefaultSelector`, and who asks for this one gets ENOSYS. */
    typedef union { int fd; } epoll_data_t;
    struct epoll_event { uint32_t events; epoll_data_t data; };
    enum { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, EPOLLIN, EPOLLOUT,
           EPOLLRDHUP, EPOLLEXCLUSIVE };
    #define epoll_create1(flags) (errno = ENOSYS, -1)
    #define epoll_ctl(epfd, op, fd, event) (errno = ENOSYS, -1)
    #define epoll_wait(epfd, events, maxevents, timeout) (errno = ENOSYS, -1)
    #endif
    """
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags) nogil
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event) nogil
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout) nogil
    const int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    const uint32_t EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLEXCLUSIVE

cdef extern from "<unistd.h>" nogil:
    int close(int fd)

cdef enum:
    BATCH = 512             # events of one call; what is left over is ready at the next one


cdef class EpollSelector(Poller):

    cdef int fd
    cdef list watched               # a Registration or None, by descriptor
    cdef epoll_event *batch

    def __cinit__(self):
        self.fd = -1
        self.batch_max = BATCH
        self.watched = []
        self.batch = <epoll_event *>PyMem_Malloc(BATCH * sizeof(epoll_event))
        if self.batch == NULL:
            raise MemoryError()
        self.fd = epoll_create1(EPOLL_CLOEXEC)
        if self.fd < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        PyMem_Free(self.batch)
        if self.fd >= 0:
            close(self.fd)

    # --- Poller: what the loop calls ------------------------------------------------------

    cdef int watch(self, Registration registration, int events) except -1:
        cdef int fd = registration.fd
        if not events:
            registration.events = 0
            self.forget(registration)
            return 0
        if registration.events:
            self.control(EPOLL_CTL_MOD, fd, events)
        else:
            while len(self.watched) <= fd:
                self.watched.append(None)
            if self.watched[fd] is None:
                self.control(EPOLL_CTL_ADD, fd, events)
                self.watched[fd] = registration
            else:
                self.take_over(registration, events)
        registration.events = events
        return 0

    cdef int wait(self, object timeout) except -1:
        cdef int milliseconds = milliseconds_of(timeout)
        cdef int count
        if milliseconds == 0:
            count = epoll_wait(self.fd, self.batch, BATCH, 0)
        else:
            with nogil:
                count = epoll_wait(self.fd, self.batch, BATCH, milliseconds)
        self.failed = 0
        if count >= 0:
            return count
        self.failed = errno
        # Interrupted: the turn goes on, so that what the signal's handler did is seen.
        PyErr_CheckSignals()
        return 0

    cdef int watched_below(self) noexcept:
        return <int>len(self.watched)

    cdef Registration ready(self, int index, int *mask):
        cdef uint32_t events = self.batch[index].events
        # An error or a hang-up is both: the handler's read or write says which.
        mask[0] = (READ if events & ~EPOLLOUT else 0) | (WRITE if events & ~EPOLLIN else 0)
        if events & ~(EPOLLIN | EPOLLOUT):
            mask[0] |= HANGUP
        return self.at(self.batch[index].data.fd)

    # --- selectors.BaseSelector -----------------------------------------------------------

    def fileno(self):
        return self.fd

    def register(self, fileobj, events, data=None):
        cdef Registration registration = Registration(fileobj, 0, data)
        self.watch(registration, wanted(events))
        return key_of(registration)

    def unregister(self, fileobj):
        cdef Registration registration = self.find(fileobj)
        key = key_of(registration)
        self.watch(registration, 0)
        return key

    def modify(self, fileobj, events, data=None):
        cdef Registration registration = self.find(fileobj)
        self.watch(registration, wanted(events))
        if data is not registration.handler:
            # What a compiled handler put there is for that handler only.
            registration.handler = data
            registration.react = call_handler
        return key_of(registration)

    def select(self, timeout=None):
        cdef Registration registration
        cdef int index, mask
        cdef list ready = []
        cdef int count = self.wait(timeout)
        if self.failed and self.failed != EINTR:
            raise OSError(self.failed, os.strerror(self.failed))
        for index in range(count):
            registration = self.ready(index, &mask)
            if registration is not None and mask & registration.events:
                ready.append((key_of(registration), mask & registration.events))
        return ready

    def get_key(self, fileobj):
        return key_of(self.find(fileobj))

    def get_map(self):
        return _Map(self)

    def close(self):
        if self.fd >= 0:
            close(self.fd)
            self.fd = -1
        self.watched.clear()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def _descriptors(self):
        return [fd for fd, registration in enumerate(self.watched) if registration is not None]

    # --- inside ---------------------------------------------------------------------------

    cdef int control(self, int operation, int fd, int events) except -1:
        cdef epoll_event event = event_of(fd, events)
        if epoll_ctl(self.fd, operation, fd, &event) == 0:
            return 0
        # Left over: to take it out has failed once.
        if errno == EEXIST and epoll_ctl(self.fd, EPOLL_CTL_MOD, fd, &event) == 0:
            return 0
        PyErr_SetFromErrno(OSError)

    cdef int take_over(self, Registration registration, int events) except -1:
        """Watch a number that is another registration's. If the kernel takes it, that one's file
        was closed behind our back, and its number was given out again."""
        cdef int fd = registration.fd
        cdef Registration gone = self.watched[fd]
        cdef epoll_event event = event_of(fd, events)
        if epoll_ctl(self.fd, EPOLL_CTL_ADD, fd, &event) < 0:
            if errno == EEXIST:
                raise KeyError(f"descriptor {fd} is already registered")
            PyErr_SetFromErrno(OSError)
        self.watched[fd] = registration
        # It wants nothing and has no number: nothing that it still does can reach the new one.
        gone.events = 0
        gone.fd = -1
        gone.react(gone.handler, GONE)
        return 0

    cdef int forget(self, Registration registration) except -1:
        # A descriptor that was closed before has left the epoll set by itself. One that is about to
        # be closed leaves it here: epoll knows open files, not descriptors. While a forked process
        # holds the file, events would go on coming for a number that is another's by now (0003).
        if self.at(registration.fd) is registration:
            self.watched[registration.fd] = None
            epoll_ctl(self.fd, EPOLL_CTL_DEL, registration.fd, NULL)
        return 0

    cdef inline Registration at(self, int fd):
        return <Registration>self.watched[fd] if 0 <= fd < len(self.watched) else None

    cdef Registration find(self, object fileobj):
        """Raises KeyError. A closed file object is found too, by itself."""
        cdef Registration registration = None
        try:
            registration = self.at(descriptor_checked(fileobj))
        except ValueError:
            for candidate in self.watched:
                if candidate is not None and (<Registration>candidate).named is fileobj:
                    registration = candidate
        if registration is None:
            raise KeyError(f"{fileobj!r} is not registered")
        return registration


# Not BaseSelector.register: that one registers a file object.
ABCMeta.register(selectors.BaseSelector, EpollSelector)


class _Map(Mapping):
    """What `get_map` has to return: keys by file object or descriptor."""

    def __init__(self, selector):
        self._selector = selector

    def __getitem__(self, fileobj):
        return self._selector.get_key(fileobj)

    def __iter__(self):
        return iter(self._selector._descriptors())

    def __len__(self):
        return len(self._selector._descriptors())


cdef epoll_event event_of(int fd, int events) noexcept:
    cdef epoll_event event
    event.events = (EPOLLIN if events & READ else 0) | (EPOLLOUT if events & WRITE else 0)
    if events & HANGUP:
        event.events |= EPOLLRDHUP
    if events & EXCLUSIVE:
        event.events |= EPOLLEXCLUSIVE  # epoll_ctl(2): when it is added only, or EINVAL
    event.data.fd = fd
    return event


cdef object key_of(Registration registration):
    return selectors.SelectorKey(
        registration.fileobj, registration.fd, registration.events, registration.handler)


cdef int wanted(object events) except -1:
    if events_checked(events) == 0:
        raise ValueError("invalid events: 0")
    return events


cdef int milliseconds_of(object timeout) except -2:
    """epoll's unit, rounded up: a timer must not find that it is a moment too early."""
    if timeout is None:
        return -1
    cdef double seconds = timeout
    if seconds != seconds:
        raise ValueError("a timeout is a number of seconds, not nan")
    return 0 if seconds <= 0 else <int>min(ceil(seconds * 1000), <double>0x7fffffff)
