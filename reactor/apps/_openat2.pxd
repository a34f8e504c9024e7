"""openat2(2): the C face of `_openat2.pyx`."""

cdef int open_at(int folder, const char *path, int flags) noexcept nogil
