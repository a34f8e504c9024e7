"""`reactor.limits.Limits` as C integers, read once.

Must never know why a bound is what it is: that stands in `limits.py`.
"""

from reactor.limits import DEFAULT_LIMITS

cdef enum:
    BOUND_MAX = 1 << 30     # so that every offset of a head fits 32 bits

cdef Bounds default_bounds
cdef Bounds cached_bounds
cdef object cached_limits = None


cdef int fill_bounds(object limits, Bounds *bounds) except -1:
    bounds.line = clamp(limits.request_line_bytes_max)
    bounds.field = clamp(limits.field_bytes_max)
    bounds.fields = clamp(limits.fields_bytes_max)
    bounds.count = clamp(limits.field_count_max)
    bounds.method = clamp(limits.method_bytes_max)
    bounds.empty_lines = clamp(limits.leading_empty_lines_max)
    bounds.chunk_extension = clamp(limits.chunk_extension_bytes_max)
    bounds.chunk_extensions = clamp(limits.chunk_extensions_bytes_max)
    bounds.chunk_overhead = clamp(limits.chunk_overhead_bytes_max)
    bounds.trailers = clamp(limits.trailers_bytes_max)
    bounds.trailer_count = clamp(limits.trailer_count_max)
    return 0


cdef uint32_t clamp(object bound) except? 0:
    return min(bound, BOUND_MAX)    # `Limits` takes none below zero


cdef int read_bounds(object limits, Bounds *bounds) except -1:
    """Limits as C integers. Eleven attributes cost more than a head: the last are kept."""
    global cached_limits, cached_bounds
    if limits is None:
        bounds[0] = default_bounds
        return 0
    if limits is not cached_limits:
        fill_bounds(limits, bounds)
        cached_bounds = bounds[0]
        cached_limits = limits
    bounds[0] = cached_bounds
    return 0


fill_bounds(DEFAULT_LIMITS, &default_bounds)
