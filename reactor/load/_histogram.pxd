"""The histogram of latencies: the C face of `_histogram.pyx`."""

from libc.stdint cimport int64_t

cdef class Histogram:
    cdef int64_t *counts
    cdef int64_t total, smallest, largest

    cdef void record_ns(self, int64_t value) noexcept nogil
    cdef object pack_counts(self)
    cdef int unpack_counts(self, bytes packed) except -1
