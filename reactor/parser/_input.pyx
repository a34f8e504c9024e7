"""What a parser was fed and has not parsed yet: bytes that it holds, or that it was lent.

Knows what the next of them belongs to; must never know what they say.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from reactor.parser._buffer cimport (
    buffer_consume, buffer_data, buffer_free, buffer_is_lent, buffer_lend, buffer_reserve,
    buffer_size)


cdef class ParserInput:

    def __cinit__(self):
        self.stage = STOPPED  # until the limits are read

    def __dealloc__(self):
        buffer_free(&self.buffer)

    cdef void bytes_lost(self):
        """There was no memory for what came."""

    def feed(self, data):
        cdef Py_buffer view
        # Most often bytes; to ask those for a buffer takes longer than to copy them.
        if type(data) is bytes:
            self.take_in(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            return
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            self.take_in(<const char *>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef int take_in(self, const char *data, Py_ssize_t size) except -1:
        if size == 0:
            return 0
        if self.ended:
            raise ValueError("feed() after eof()")
        # RFC 9112 9.6: what comes after the last message is not looked at, nor kept.
        if self.stage < STOPPED:
            memcpy(self.reserve(size), data, size)
            self.received(size)
        return 0

    cdef uint8_t *reserve(self, Py_ssize_t size) except NULL:
        return buffer_reserve(&self.buffer, size)

    cdef int received(self, Py_ssize_t size) except -1:
        self.hungry = False
        self.buffer.end += size
        return 0

    cdef int lend(self, const uint8_t *data, Py_ssize_t size) except -1:
        # RFC 9112 9.6: what comes after the last message is not looked at, nor kept.
        if self.stage >= STOPPED or size == 0:
            return 0
        if buffer_size(&self.buffer):
            self.make_room(size)
            memcpy(buffer_data(&self.buffer) + buffer_size(&self.buffer), data, size)
            return self.received(size)
        buffer_lend(&self.buffer, data, size)
        self.hungry = False
        return 0

    cdef int settle(self) except -1:
        return self.make_room(0) if buffer_is_lent(&self.buffer) else 0

    cdef int make_room(self, Py_ssize_t size) except -1:
        """Own what is held, with room for more; without memory the lender's bytes are lost."""
        try:
            buffer_reserve(&self.buffer, size)
        except MemoryError:
            # To go on would frame what follows anew.
            self.bytes_lost()
            raise
        return 0

    cdef void consume(self, Py_ssize_t size):
        self.origin += size
        buffer_consume(&self.buffer, size)

    cdef bytes take(self, Py_ssize_t size):
        cdef bytes data = PyBytes_FromStringAndSize(<const char *>buffer_data(&self.buffer), size)
        self.consume(size)
        return data
