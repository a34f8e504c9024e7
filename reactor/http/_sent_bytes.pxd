"""How much of each answer the kernel has taken, and when: the C face of `_sent_bytes.pyx`."""

from libc.stdint cimport int64_t

from reactor._protocol cimport Transport

cdef class AnswerRecord:
    cdef readonly object request
    cdef readonly int status
    cdef readonly int64_t body_bytes
    cdef readonly double head_at, taken_at
    cdef double first_at                        # below zero: nothing of it was taken
    cdef int64_t begins_at, body_at, ends_at    # in the bytes that were handed over

    cdef bint has_begun(self) noexcept
    cdef bint first_is_due(self, int64_t taken) noexcept

cdef class SentBytes:
    cdef int64_t handed             # bytes given to the transport since the connection began
    cdef AnswerRecord current       # of the request under way; None: there is none
    cdef object owed                # deque of AnswerRecord: written, not yet taken

    cdef int head_came(self, double at) except -1
    cdef int began(self, int64_t head_size, int64_t size) except -1
    cdef int ended(self, object request, int status) except -1
    cdef AnswerRecord next_taken(self, Transport transport, bint lost)
