"""epoll behind `selectors.BaseSelector`, compiled.

The standard library's selector builds the answer of each call in Python: about 1 us for one
ready descriptor, three times what the system call costs. This one looks keys up in an array
indexed by the descriptor. Linux only; elsewhere the loop takes `selectors.DefaultSelector`.
"""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport EINTR, errno
from libc.stdint cimport uint32_t

import math
import selectors

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event)
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout)
    const int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    const uint32_t EPOLLIN, EPOLLOUT

cdef extern from "<unistd.h>" nogil:
    int close(int fd)

cdef enum:
    READ = 1                # selectors.EVENT_READ
    WRITE = 2
    # Where selectors.SelectorKey, a named tuple, has it: by name it is a call per event.
    KEY_EVENTS = 2
    BATCH = 512             # events of one call; what is left over is ready at the next one

cdef int descriptor_of(object fileobj) except -1:
    cdef object number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"invalid file descriptor: {number!r}")
    return number


class EpollSelector(selectors.BaseSelector):
    """`selectors.EpollSelector`, for one thread and without its Python loops."""

    def __init__(self):
        self._keys = {}
        self._epoll = _Epoll(self._keys)
        # The hot call is not looked up twice.
        self.select = self._epoll.select

    def fileno(self):
        return self._epoll.fileno()

    def register(self, fileobj, events, data=None):
        cdef int fd = descriptor_of(fileobj)
        if not events or events & ~(READ | WRITE):
            raise ValueError(f"invalid events: {events!r}")
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {fd}) is already registered")
        key = selectors.SelectorKey(fileobj, fd, events, data)
        self._epoll.control(EPOLL_CTL_ADD, fd, events)
        self._keys[fd] = key
        return key

    def unregister(self, fileobj):
        cdef int fd = descriptor_of(fileobj)
        if fd not in self._keys:
            raise KeyError(f"{fileobj!r} is not registered")
        key = self._keys.pop(fd)
        self._epoll.forget(fd)
        return key

    def modify(self, fileobj, events, data=None):
        cdef int fd = descriptor_of(fileobj)
        if fd not in self._keys:
            raise KeyError(f"{fileobj!r} is not registered")
        key = selectors.SelectorKey(fileobj, fd, events, data)
        self._epoll.control(EPOLL_CTL_MOD, fd, events)
        self._keys[fd] = key
        return key

    def select(self, timeout=None):  # replaced in __init__; here for the abstract base
        return self._epoll.select(timeout)

    def close(self):
        self._epoll.close()
        self._keys.clear()

    def get_map(self):
        return self._keys


cdef class _Epoll:
    """The descriptor, and the one loop over what it reports."""

    cdef int fd
    cdef dict keys
    cdef epoll_event *batch

    def __cinit__(self, dict keys):
        self.fd = -1
        self.keys = keys
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

    def fileno(self):
        return self.fd

    def close(self):
        if self.fd >= 0:
            close(self.fd)
            self.fd = -1

    def control(self, int operation, int fd, int events):
        cdef epoll_event event
        event.events = (EPOLLIN if events & READ else 0) | (EPOLLOUT if events & WRITE else 0)
        event.data.fd = fd
        if epoll_ctl(self.fd, operation, fd, &event) < 0:
            PyErr_SetFromErrno(OSError)

    def forget(self, int fd):
        # A descriptor that was closed before has left the epoll set by itself.
        epoll_ctl(self.fd, EPOLL_CTL_DEL, fd, NULL)

    def select(self, timeout=None):
        cdef int milliseconds = milliseconds_of(timeout)
        cdef int count, i
        cdef uint32_t events
        cdef int mask
        cdef list ready = []
        if milliseconds == 0:
            count = epoll_wait(self.fd, self.batch, BATCH, 0)
        else:
            with nogil:
                count = epoll_wait(self.fd, self.batch, BATCH, milliseconds)
        if count < 0:
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)
            # Interrupted: the turn goes on, so that what the signal's handler did is seen.
            PyErr_CheckSignals()
            return ready
        for i in range(count):
            key = self.keys.get(self.batch[i].data.fd)
            if key is None:
                continue
            # An error or a hang-up is both: whoever reads or writes will be told which.
            events = self.batch[i].events
            mask = (READ if events & ~EPOLLOUT else 0) | (WRITE if events & ~EPOLLIN else 0)
            mask &= <int>(<tuple>key)[KEY_EVENTS]
            if mask:
                ready.append((key, mask))
        return ready


cdef int milliseconds_of(object timeout) except -2:
    """epoll's unit, rounded up: a timer must not find that it is a moment too early."""
    if timeout is None:
        return -1
    if timeout <= 0:
        return 0
    return min(math.ceil(timeout * 1000), 0x7fffffff)
