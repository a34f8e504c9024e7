"""Bytes that grow at the end: received ones that are not yet parsed, and those to be sent.

They leave at the start, and nothing moves when they do. They move only when room is needed at the
end and more bytes have left than are there, so a byte is moved at most once for every byte that
left: a buffer that never becomes empty does not hold all that ever passed. An empty buffer can be
lent the receiver's own memory: what is not consumed before `reserve` is copied then, which is
nothing where a read ends with a message. Must never know what the bytes mean.
"""

from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memcpy, memmove

cdef enum:
    CAPACITY_FIRST = 1024   # a browser's head, without a second allocation
    # An idle connection keeps at most this: ten thousand of them are 40 MiB, not 640.
    CAPACITY_IDLE = 4096


cdef uint8_t *buffer_reserve(ByteBuffer *buffer, Py_ssize_t size) except NULL:
    """Room for `size` bytes at the end; who fills it adds them to `end`. What was lent is owned."""
    cdef Py_ssize_t held = buffer.end - buffer.start
    cdef Py_ssize_t capacity
    cdef uint8_t *base
    buffer_settle(buffer)
    if buffer.capacity - buffer.end < size:
        if buffer.start > held:
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


cdef void buffer_consume(ByteBuffer *buffer, Py_ssize_t size) noexcept:
    buffer.start += size
    if buffer.start == buffer.end:
        if buffer.capacity > CAPACITY_IDLE or buffer_is_lent(buffer):
            buffer_free(buffer)
        buffer.start = buffer.end = 0


cdef void buffer_lend(ByteBuffer *buffer, const uint8_t *data, Py_ssize_t size) noexcept:
    """Hold `data`, some bytes that the caller owns and keeps until a reserve. Only if empty."""
    buffer_free(buffer)
    buffer.base = <uint8_t *>data
    buffer.end = size


cdef int buffer_settle(ByteBuffer *buffer) except -1:
    """Own what is held: the lender takes its memory back."""
    cdef const uint8_t *lent = buffer.base + buffer.start if buffer_is_lent(buffer) else NULL
    cdef Py_ssize_t held = buffer.end - buffer.start
    if lent != NULL:
        buffer.base = NULL
        buffer.start = buffer.end = 0
        memcpy(buffer_reserve(buffer, held), lent, held)
        buffer.end = held
    return 0


cdef void buffer_free(ByteBuffer *buffer) noexcept:
    if not buffer_is_lent(buffer):
        PyMem_Free(buffer.base)
    buffer.base = NULL
    buffer.start = buffer.end = buffer.capacity = 0
