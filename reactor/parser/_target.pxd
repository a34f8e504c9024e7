"""What a request's target says: the C face of `_target.pyx`."""

from libc.stdint cimport uint8_t
from libc.string cimport memchr

cdef tuple split_absolute(str target)
cdef str decoded_path(const uint8_t *p, Py_ssize_t size)
cdef Py_ssize_t percent_decode(const uint8_t *p, Py_ssize_t size, uint8_t *to) noexcept

cdef inline const uint8_t *query_mark(const uint8_t *p, const uint8_t *end) noexcept:
    """Where the path ends: at "?", or where the target does."""
    cdef const uint8_t *mark = <const uint8_t *>memchr(p, c'?', end - p)
    return end if mark == NULL else mark
