"""The deadlines of all handlers of a loop: which one is next.

A deadline moves with every request. A timer that is cancelled and set anew each time would
cost two heap operations a request, and some 400 bytes a connection. Here it is one number in
the registration, and an entry of 16 bytes in a heap. Moving it *later* writes the number and
nothing else; the entry, when its time comes too early, moves to where the number says (0041).
"""

from cpython.object cimport PyObject, PyTypeObject, inquiry, traverseproc, visitproc
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.math cimport INFINITY

from reactor.loop._registration cimport Registration

cdef enum:
    CAPACITY_FIRST = 64     # 1 KiB


cdef class Deadlines:
    """A binary heap, in which every registration knows its place."""

    def __dealloc__(self):
        self.clear()
        PyMem_Free(self.heap)

    def __len__(self):
        return self.count

    cdef int set(self, Registration registration, double when) except -1:
        """``when`` is infinity for none: the entry stays, and will find nothing to do."""
        registration.deadline = when
        if when == INFINITY:
            return 0
        if registration.place < 0:
            return self.push(registration, when)
        if not self.holds(registration):
            raise ValueError("this registration is another loop's")
        if when < self.heap[registration.place].due:
            self.up(registration.place, Entry(when, <void *>registration))
        return 0

    cdef int forget(self, Registration registration) except -1:
        """The entry goes too: nothing may keep what is closed alive."""
        cdef Py_ssize_t place = registration.place
        cdef Entry last
        registration.deadline = INFINITY
        if place < 0 or not self.holds(registration):
            return 0
        registration.place = -1
        self.count -= 1
        last = self.heap[self.count]
        if place < self.count:
            if place and last.due < self.heap[(place - 1) // 2].due:
                self.up(place, last)
            else:
                self.down(place, last)
        Py_DECREF(registration)
        return 0

    cdef inline bint holds(self, Registration registration) noexcept:
        return (registration.place < self.count
                and self.heap[registration.place].registration == <void *>registration)

    cdef bint is_due(self, double now) except -1:
        """Whether a deadline has come; then its entry is the first."""
        cdef Registration registration
        while self.count and self.heap[0].due <= now:
            registration = <Registration>self.heap[0].registration
            if registration.deadline <= now:
                return True
            if registration.deadline == INFINITY:
                self.forget(registration)
            else:
                self.down(0, Entry(registration.deadline, <void *>registration))
        return False

    cdef Registration pop_due(self, double now):
        """One whose deadline has come, and is none any more; None if there is none."""
        cdef Registration registration
        if not self.is_due(now):
            return None
        registration = <Registration>self.heap[0].registration
        self.forget(registration)
        return registration

    cdef int clear(self) except -1:
        while self.count:
            self.forget(<Registration>self.heap[self.count - 1].registration)
        return 0

    cdef double next_due(self) noexcept:
        return self.heap[0].due if self.count else INFINITY

    cdef int push(self, Registration registration, double due) except -1:
        cdef Entry *heap
        cdef Py_ssize_t capacity
        if self.count == self.capacity:
            capacity = max(2 * self.capacity, CAPACITY_FIRST)
            heap = <Entry *>PyMem_Realloc(self.heap, capacity * sizeof(Entry))
            if heap == NULL:
                raise MemoryError()
            self.heap = heap
            self.capacity = capacity
        Py_INCREF(registration)
        self.count += 1
        self.up(self.count - 1, Entry(due, <void *>registration))
        return 0

    # Both move a hole: ``place`` is free, and ``entry`` is put where it comes to rest.

    cdef void up(self, Py_ssize_t place, Entry entry) noexcept:
        cdef Py_ssize_t above
        while place:
            above = (place - 1) // 2
            if self.heap[above].due <= entry.due:
                break
            self.put(place, self.heap[above])
            place = above
        self.put(place, entry)

    cdef void down(self, Py_ssize_t place, Entry entry) noexcept:
        cdef Py_ssize_t below
        while True:
            below = 2 * place + 1
            if below + 1 < self.count and self.heap[below + 1].due < self.heap[below].due:
                below += 1
            if below >= self.count or entry.due <= self.heap[below].due:
                break
            self.put(place, self.heap[below])
            place = below
        self.put(place, entry)

    cdef void put(self, Py_ssize_t place, Entry entry) noexcept:
        self.heap[place] = entry
        (<Registration>entry.registration).place = place


# The heap is memory that Cython knows nothing of. Without these two a loop that was dropped would
# never be collected: its handlers hold it, and their registrations, in here, hold them.

cdef int traverse(PyObject *deadlines, visitproc visit, void *arg) except -1:
    cdef Py_ssize_t place
    cdef int found = 0
    for place in range((<Deadlines>deadlines).count):
        found = visit(<PyObject *>(<Deadlines>deadlines).heap[place].registration, arg)
        if found:
            break
    return found


cdef int clear(object deadlines) except -1:
    return (<Deadlines>deadlines).clear()


(<PyTypeObject *>Deadlines).tp_traverse = <traverseproc>traverse
(<PyTypeObject *>Deadlines).tp_clear = <inquiry>clear
