"""Strings that need not be made: the C face of `_names.pyx`."""

from libc.stdint cimport uint8_t, uint32_t

cdef str known_str(const uint8_t *p, uint32_t size)
cdef bytes known_bytes(const uint8_t *p, uint32_t size)
cdef str known_method(const uint8_t *p, uint32_t size)
