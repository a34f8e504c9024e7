"""How much of each answer the kernel has taken: the C face of `_sent_bytes.pyx`."""

from libc.stdint cimport int64_t

cdef class SentBytes:
    cdef int64_t handed     # bytes given to the transport since the connection began
    cdef int64_t body_at    # where, in these, the body of the answer under way begins
    cdef object owed        # deque of (request, status, body_at, end): written, not yet taken

    cdef int began(self, int64_t head_size, int64_t size) except -1
    cdef int ended(self, object request, int status) except -1
    cdef tuple next_taken(self, int64_t taken, bint lost)
