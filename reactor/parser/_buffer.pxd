"""A growable run of bytes with a start and an end: the C face of `_buffer.pyx`."""

from libc.stdint cimport uint8_t

cdef struct Buffer:
    uint8_t *base
    Py_ssize_t start, end, capacity

cdef uint8_t *buffer_reserve(Buffer *buffer, Py_ssize_t size) except NULL
cdef void buffer_free(Buffer *buffer) noexcept
cdef void buffer_lend(Buffer *buffer, const uint8_t *data, Py_ssize_t size) noexcept

cdef inline bint buffer_is_lent(const Buffer *buffer) noexcept nogil:
    return buffer.capacity == 0 and buffer.base != NULL

cdef inline Py_ssize_t buffer_size(const Buffer *buffer) noexcept nogil:
    return buffer.end - buffer.start

cdef inline uint8_t *buffer_data(const Buffer *buffer) noexcept nogil:
    # Not even nothing may be added to a pointer that is none (C11 6.5.6).
    return buffer.base if buffer.base == NULL else buffer.base + buffer.start

cdef void buffer_consume(Buffer *buffer, Py_ssize_t size) noexcept
