"""A request's body while it is collected, and the bounds of all such bodies together.

One body has its own bound, and ten thousand of them would still be more than a machine has. So
all bodies of a server that are collected, or belong to a request that is not answered yet, count
against a bound: those in memory against one, those that are so long that they go to a file against
another. Over it nothing more of any body in that room is read until an answer frees some of it.
If every body there waits, nothing ever would: the newest is refused. 0061 has the reasons.

A body is collected in the object that the application gets. To join pieces at the end would take
twice its size.

Must never know: a connection, a time, how a body is framed; what a file is besides that it takes
bytes. Somebody else makes it.
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


cdef class BodyRoom:

    def __cinit__(self, int64_t most=0):
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

    cdef int enter(self, CollectedBody body) except -1:
        self.bodies[body] = None
        self.held += body.size
        return 0

    cdef int leave(self, CollectedBody body) except -1:
        self.held -= body.size
        del self.bodies[body]
        self.waiting.pop(body, None)
        return self.let_go_on()


cdef class BodyStore:

    def __cinit__(self, limits=None, open_file=None):
        if limits is None:
            self.memory = self.files = BodyRoom()
            return
        self.memory = BodyRoom(limits.body_memory_max)
        self.files = BodyRoom(limits.body_files_bytes_max)
        # What does not fit into the whole of memory's room goes to a file too.
        self.in_memory_max = min(<int64_t>limits.body_in_memory_bytes_max, self.memory.most)
        self.files_max = limits.body_files_max
        if self.files.most > self.in_memory_max:
            self.open_file = open_file

    cdef int64_t most(self) noexcept:
        """What one body may have: more would wait, or be told to come again, for room that there
        can never be."""
        if self.open_file is not None:
            return self.files.most
        # Files for which there is room, but too little for one: what would be in one is too long.
        return self.in_memory_max if 0 < self.files.most <= self.in_memory_max else self.memory.most

    cdef bint takes_file(self, int64_t size) except -1:
        """Whether a body of that size goes to a file, and may have one now."""
        return (self.open_file is not None and size > self.in_memory_max
                and len(self.files.bodies) < self.files_max)


cdef class CollectedBody:

    def __cinit__(self, BodyStore store not None, int64_t announced, int64_t most):
        self.store = store
        self.most = most        # no more than this is ever appended
        self.room = store.files if store.takes_file(announced) else store.memory
        self.room.enter(self)

    def __dealloc__(self):
        Py_XDECREF(self.data)

    cdef int append(self, bytes piece) except -1:
        cdef int64_t size = PyBytes_GET_SIZE(piece)
        if self.file is None and not self.stays and (
                self.room is self.store.files or self.size + size > self.store.in_memory_max):
            self.settle()
        if self.file is not None:
            self.file.append(piece)
        else:
            if self.size + size > self.capacity:
                self.grow(self.size + size)
            memcpy(bytes_in(self.data) + self.size, PyBytes_AS_STRING(piece), size)
        self.size += size
        self.room.held += size
        return 0

    cdef int settle(self) except -1:
        """Go on in a file. Where the process has no descriptor for one, memory has to do."""
        cdef BodyStore store = self.store
        cdef object file = None
        if self.room is store.files or store.takes_file(store.in_memory_max + 1):
            file = store.open_file()
        if file is None:
            self.stays = True
            return self.move(store.memory)
        if self.size:
            # Of a chunked body, once: nobody knew how long it would be.
            file.append(self.take_bytes())
        self.file = file
        return self.move(store.files)

    cdef int move(self, BodyRoom room) except -1:
        cdef BodyRoom before = self.room
        if room is not before:
            self.room = room
            room.enter(self)
            before.leave(self)
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

    cdef object take(self):
        """The body, bytes or a file; what it takes still counts, until it is released."""
        if self.file is None:
            return self.take_bytes()
        file, self.file = self.file, None
        return file

    cdef bytes take_bytes(self):
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
        self.room.waiting[self] = wake, refuse
        return self.room.let_go_on()

    cdef int release(self) except -1:
        """Its request is answered, or will never be. Idempotent."""
        room, self.room = self.room, None
        return 0 if room is None else (<BodyRoom>room).leave(self)
