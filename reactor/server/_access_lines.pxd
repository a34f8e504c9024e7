"""The lines of the access log: the C face of `_access_lines.pyx`."""

from libc.stdint cimport int64_t

from reactor.http._sent_bytes cimport AnswerRecord
from reactor.parser._buffer cimport ByteBuffer
from reactor.server._line_formats cimport LineFormat

cdef class AccessLines:
    cdef ByteBuffer buffer
    cdef LineFormat format      # None: there are no lines
    cdef object write, at_turn_end, flush_later
    cdef object lock            # of threads that all answer; None: there is one
    cdef bint planned
    cdef int sample, skipped
    cdef int descriptor         # of a file; -1: `write` gets all
    cdef bint is_fine           # the last that `write` was given went into it whole
    cdef int64_t asked          # the second in which `write` was called last

    cdef int add(self, object peer, AnswerRecord record) except -1
    cdef int put(self, object peer, AnswerRecord record) except -1
    cdef bytes take(self)
    cdef int write_all(self) except -1
    cdef bint skips(self, AnswerRecord record) noexcept
