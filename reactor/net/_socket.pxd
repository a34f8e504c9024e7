"""A descriptor that is ours: the C face of `_socket.pyx`."""

cdef class Socket:
    cdef readonly int fd        # -1: closed, or somebody else's by now

cpdef int reset_on_close(int fd) noexcept
