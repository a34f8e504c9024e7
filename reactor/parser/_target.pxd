"""What a request's target says: the C face of `_target.pyx`."""

from libc.stdint cimport uint8_t

cdef tuple split_absolute(str target)
cdef Py_ssize_t percent_decode(const uint8_t *p, Py_ssize_t size, uint8_t *to) noexcept
