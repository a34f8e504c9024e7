"""A request's body while it is collected, and the bound of all such bodies together.

One body has its own bound, and ten thousand of them would still be more than a machine has. So
all bodies of a server that are collected, or belong to a request that is not answered yet, count
against one bound. Over it nothing more of any body is read until an answer frees some of it.
If every body waits, nothing ever would: the newest is refused.

A body is collected in the object that the application gets. To join pieces at the end would take
twice its size.

Must never know: a connection, a time, how a body is framed.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.ref cimport Py_XDECREF
from libc.string cimport memcpy

cdef extern from "Python.h":
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) except NULL
    int resize_bytes "_PyBytes_Resize"(PyObject **data, Py_ssize_t size) except -1
    char *bytes_in "PyBytes_AS_STRING"(PyObject *data)

cdef enum:
    CAPACITY_FIRST = 64 * 1024  # one read
    # What one read may bring: so much has to be free for each body that is woken.
    READ_BYTES = 64 * 1024


cdef class BodyMemory:

    def __init__(self, int64_t most):
        self.most = most
        self.bodies = {}
        self.waiting = {}

    cdef bint is_full(self) noexcept:
        return self.held >= self.most

    cdef int let_go_on(self) except -1:
        """Let as many read on as there is room for, the first to wait first."""
        cdef int64_t room = self.most - self.held
        while self.waiting and room > 0:
            body = next(iter(self.waiting))
            wake, _ = self.waiting.pop(body)
            wake()
            room -= READ_BYTES
        if self.waiting and len(self.waiting) == len(self.bodies):
            _, refuse = self.waiting.pop(next(reversed(self.bodies)))
            refuse()
        return 0


cdef class CollectedBody:

    def __cinit__(self, BodyMemory memory not None, int64_t most):
        self.memory = memory
        self.most = most        # no more than this is ever appended
        memory.bodies[self] = None

    def __dealloc__(self):
        Py_XDECREF(self.data)

    cdef int append(self, bytes piece) except -1:
        cdef int64_t size = PyBytes_GET_SIZE(piece)
        if self.size + size > self.capacity:
            self.grow(self.size + size)
        memcpy(bytes_in(self.data) + self.size, PyBytes_AS_STRING(piece), size)
        self.size += size
        self.memory.held += size
        return 0

    cdef int grow(self, int64_t needed) except -1:
        # Doubled, so that a length that is only announced takes no memory.
        cdef int64_t capacity = max(needed, min(2 * self.capacity, self.most), CAPACITY_FIRST)
        if self.data == NULL:
            self.data = new_bytes(NULL, capacity)
        else:
            self.capacity = 0   # if it cannot grow, what was there is gone
            resize_bytes(&self.data, capacity)
        self.capacity = capacity
        return 0

    cdef bytes take(self):
        """The body; what it takes still counts, until it is released."""
        if self.data == NULL:
            return b""
        if self.size < self.capacity:
            resize_bytes(&self.data, self.size)
        cdef bytes whole = <bytes>self.data
        Py_XDECREF(self.data)   # the reference is `whole` now
        self.data = NULL
        self.capacity = 0
        return whole

    cdef int wait(self, object wake, object refuse) except -1:
        """Have one of them called: when there is room, or if nobody could ever make any."""
        self.memory.waiting[self] = wake, refuse
        return self.memory.let_go_on()

    cdef int release(self) except -1:
        """Its request is answered, or will never be. Idempotent."""
        memory = self.memory
        if memory is not None:
            self.memory = None
            memory.held -= self.size
            del memory.bodies[self]
            memory.waiting.pop(self, None)
            memory.let_go_on()
        return 0
