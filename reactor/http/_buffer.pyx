"""Received bytes that were not yet parsed.

Bytes come in at the end and leave at the start; nothing moves when they leave. They move
only when room is needed at the end and more than half of the memory lies unused before the
start, so a byte is moved at most once for every byte that was consumed. Must never know
what the bytes mean.
"""

from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memmove

cdef enum:
    CAPACITY_FIRST = 1024
    # An idle connection keeps at most this: ten thousand of them are 40 MiB, not 640.
    CAPACITY_IDLE = 4096


cdef uint8_t *buffer_reserve(Buffer *buffer, Py_ssize_t size) except NULL:
    """Room for `size` bytes at the end; who fills it adds them to `end`."""
    cdef Py_ssize_t held = buffer.end - buffer.start
    cdef Py_ssize_t capacity
    cdef uint8_t *base
    if buffer.capacity - buffer.end < size:
        if buffer.start > buffer.capacity // 2:
            memmove(buffer.base, buffer.base + buffer.start, held)
            buffer.start = 0
            buffer.end = held
        if buffer.capacity - buffer.end < size:
            capacity = max(buffer.capacity * 2, buffer.end + size, CAPACITY_FIRST)
            base = <uint8_t *>PyMem_Realloc(buffer.base, capacity)
            if base == NULL:
                raise MemoryError()
            buffer.base = base
            buffer.capacity = capacity
    return buffer.base + buffer.end


cdef void buffer_consume(Buffer *buffer, Py_ssize_t size) noexcept:
    buffer.start += size
    if buffer.start == buffer.end:
        if buffer.capacity > CAPACITY_IDLE:
            buffer_free(buffer)
        buffer.start = buffer.end = 0


cdef void buffer_free(Buffer *buffer) noexcept:
    PyMem_Free(buffer.base)
    buffer.base = NULL
    buffer.start = buffer.end = buffer.capacity = 0
