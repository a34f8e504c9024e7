"""What is counted of answers: the C face of `_counting.pyx`."""

from libc.stdint cimport int64_t

from reactor.http._sent_bytes cimport AnswerRecord, Stamps
from reactor.parser._message cimport Request
from reactor.process._page cimport Slot

cdef class AnswerCounts:
    cdef readonly Slot slot
    cdef int64_t *values        # those of the slot
    cdef double slow_from       # what took longer is told to `on_slow`
    cdef double look_at         # and so is whatever comes then: what was slow grows old
    cdef object on_slow

    cdef int method_place(self, Request request) except -1
    cdef bint answered(self, const Stamps *stamps) noexcept
    cdef int was_slow(self, AnswerRecord record) except -1
