"""The two sides of a connection, with asyncio's names.

The wire implements `Transport`; HTTP machines and users' classes are `Protocol`s. They meet
here, below both, so that neither knows the other. The docstrings are in `_protocol.pyi`.

Each side has a C face for the calls that every request makes: a compiled protocol gets
what was received without a bytes object in between, and hands its answer over in the same way.
Subclasses written in Python override the methods with asyncio's names and see none of it.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyTypeObject

cdef extern from "Python.h":
    const unsigned long Py_TPFLAGS_HEAPTYPE
    PyTypeObject *Py_TYPE(object)
    bint PyType_HasFeature(PyTypeObject *, unsigned long) noexcept


def write_buffer_marks(high, low, high_usual):
    """(low, high) as ``set_write_buffer_limits(high, low)`` means them, as asyncio does."""
    if high is None:
        high = high_usual if low is None else 4 * low
    if low is None:
        low = high // 4
    if not 0 <= low <= high:
        raise ValueError(f"0 <= low <= high does not hold for {low} and {high}")
    return low, high


def seconds_checked(seconds):
    """Of a deadline: what is below zero is over at once."""
    if seconds != seconds:
        raise ValueError("a deadline is a number of seconds, not nan")
    return max(0.0, seconds)


cpdef bint is_python(object protocol) noexcept:
    """Whether its class, a subclass of a compiled one too, was written in Python."""
    return PyType_HasFeature(Py_TYPE(protocol), Py_TPFLAGS_HEAPTYPE)


cdef class Transport:

    cdef int send(self, const uint8_t *data, Py_ssize_t size) except -1:
        self.write(PyBytes_FromStringAndSize(<const char *>data, size))
        return 0

    cdef int expire_in(self, double seconds) except -1:
        self.set_deadline(None if seconds < 0 else seconds)
        return 0

    cdef int want_reading(self, bint wanted) except -1:
        if wanted:
            self.resume_reading()
        else:
            self.pause_reading()
        return 0

    # Of a transport whose writes wait for nothing there is nothing to do.

    cdef int flush(self) except -1:
        return 0

    cdef int watch_end(self) except -1:
        return 0

    cpdef int cork(self) except -1:
        return 0

    cpdef int uncork(self) except -1:
        return 0

    def write(self, data):
        raise NotImplementedError

    def writelines(self, list_of_data):
        self.write(b"".join(list_of_data))

    def sendfile(self, file, offset, count):
        raise NotImplementedError

    def write_eof(self):
        raise NotImplementedError

    def can_write_eof(self):
        return True

    cpdef close(self, linger=True):
        raise NotImplementedError

    def abort(self):
        raise NotImplementedError

    def is_closing(self):
        raise NotImplementedError

    def pause_reading(self):
        raise NotImplementedError

    def resume_reading(self):
        raise NotImplementedError

    def is_reading(self):
        raise NotImplementedError

    def has_input(self):
        return False

    def set_write_buffer_limits(self, high=None, low=None):
        raise NotImplementedError

    def get_write_buffer_limits(self):
        raise NotImplementedError

    def get_write_buffer_size(self):
        raise NotImplementedError

    def get_extra_info(self, name, default=None):
        raise NotImplementedError

    def get_protocol(self):
        raise NotImplementedError

    cpdef set_protocol(self, protocol):
        raise NotImplementedError

    cpdef double time(self) except? -1:
        raise NotImplementedError

    cpdef double turn_began(self) except? -1:
        return self.time()  # of a transport that has no turns

    cpdef double waited(self) except? -1:
        return 0.0

    def set_deadline(self, seconds):
        raise NotImplementedError

    def extend_deadline(self, seconds, at_most):
        raise NotImplementedError

    def call_soon(self, callback):
        raise NotImplementedError


cdef class Protocol:

    cdef int receive(self, const uint8_t *data, Py_ssize_t size) except -1:
        self.data_received(PyBytes_FromStringAndSize(<const char *>data, size))
        return 0

    cdef int flushed(self) except -1:
        return 0

    cpdef connection_made(self, transport):
        pass

    def data_received(self, data):
        pass

    def eof_received(self):
        pass

    def pause_writing(self):
        pass

    def resume_writing(self):
        pass

    def deadline_expired(self):
        pass

    cpdef connection_lost(self, exc):
        pass

    cpdef is_idle(self):
        return None

    cpdef finish(self):
        return NotImplemented

    cpdef end_stream(self):
        pass


cdef class Factory:

    def __call__(self):
        return self.make()

    cdef Protocol make(self):
        raise NotImplementedError
