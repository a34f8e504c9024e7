"""A file that was opened to be sent: the C face of `_file.pyx`."""

from libc.stdint cimport int64_t

cdef class File:
    cdef readonly int64_t size
    cdef int descriptor         # -1: closed
    cdef int64_t offset

    cdef void release(self) noexcept
    cdef int check_open(self) except -1
    cdef inline bint holds(self, int64_t length) noexcept:
        """Whether so many bytes, not below zero, were there from the offset on."""
        return self.descriptor >= 0 and 0 <= length <= self.size - self.offset
