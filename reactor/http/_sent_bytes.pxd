"""How much of each answer the kernel has taken, and when: the C face of `_sent_bytes.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor._protocol cimport Transport
from reactor.parser._headers cimport Headers

cdef enum Ending:
    # Why nothing follows an answer on its connection; KEPT: something may. Up to DRAINED it was
    # answered in order, and a connection that is lost meanwhile has a reason of its own.
    KEPT, CLIENT_CLOSED, SERVER_CLOSED, DRAINED, CLIENT_ABORTED, WRITE_STALLED, HEAD_STALLED
    BODY_STALLED, CLIENT_FAULT, SERVER_FAULT, APP_FAILED, FORCED

cdef class AnswerRecord:
    cdef readonly object request
    cdef readonly bytes line                    # of what is no request: its first line; None
    cdef readonly Headers headers               # that the application has set; None: none began
    cdef uint8_t ending
    cdef readonly int status
    cdef readonly int64_t body_bytes, bytes_sent
    cdef readonly double head_at, taken_at
    cdef double first_at                        # below zero: nothing of it was taken
    cdef int64_t begins_at, body_at, ends_at    # in the bytes that were handed over

    cdef bint has_begun(self) noexcept
    cdef bint first_is_due(self, int64_t taken) noexcept

cdef class SentBytes:
    cdef int64_t handed             # bytes given to the transport since the connection began
    cdef double began_at            # when the newest request was whole
    cdef AnswerRecord current       # of the request under way; None: there is none
    cdef AnswerRecord oldest        # that is written, and not yet taken; None: there is none
    cdef object behind              # deque of those behind it; None: there never was one
    cdef int64_t due_at             # the kernel has taken so much: `next_taken` has something to do
    cdef uint8_t lost_by            # the Ending of what is not taken, once that is known
    cdef bint told                  # all that will ever be logged was

    cdef int head_came(self, double at) except -1
    cdef int began(self, int64_t head_size, int64_t size, Headers headers) except -1
    cdef int ended(self, object request, int status, uint8_t ending) except -1
    cdef int plan(self) except -1
    cdef AnswerRecord next_taken(self, Transport transport, bint lost)
