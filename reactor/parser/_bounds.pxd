"""The bounds of a message: the C face of `_bounds.pyx`."""

from libc.stdint cimport uint32_t

cdef struct Bounds:
    # `reactor.limits.Limits` as C integers; each with its reason there.
    uint32_t line, field, fields, count, method, empty_lines
    uint32_t chunk_extension, chunk_extensions, chunk_overhead, trailers, trailer_count

cdef int read_bounds(object limits, Bounds *bounds) except -1
