"""A growable run of bytes with a start and an end: the C face of `_buffer.pyx`."""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

cdef struct ByteBuffer:
    uint8_t *base
    Py_ssize_t start, end, capacity

cdef uint8_t *buffer_reserve(ByteBuffer *buffer, Py_ssize_t size) except NULL
cdef void buffer_free(ByteBuffer *buffer) noexcept
cdef void buffer_lend(ByteBuffer *buffer, const uint8_t *data, Py_ssize_t size) noexcept

cdef inline bint buffer_is_lent(const ByteBuffer *buffer) noexcept nogil:
    return buffer.capacity == 0 and buffer.base != NULL

cdef inline Py_ssize_t buffer_size(const ByteBuffer *buffer) noexcept nogil:
    return buffer.end - buffer.start

cdef inline uint8_t *buffer_data(const ByteBuffer *buffer) noexcept nogil:
    # Not even nothing may be added to a pointer that is none (C11 6.5.6).
    return buffer.base if buffer.base == NULL else buffer.base + buffer.start

cdef void buffer_consume(ByteBuffer *buffer, Py_ssize_t size) noexcept

cdef inline int buffer_put(ByteBuffer *buffer, const void *data, Py_ssize_t size) except -1:
    if buffer.capacity - buffer.end < size:
        buffer_reserve(buffer, size)
    memcpy(buffer.base + buffer.end, data, size)
    buffer.end += size
    return 0
