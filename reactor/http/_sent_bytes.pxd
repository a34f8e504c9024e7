"""How much of each answer the kernel has taken, and when: the C face of `_sent_bytes.pyx`."""

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint8_t

from reactor._protocol cimport Transport
from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Request

cdef enum Ending:
    # Why nothing follows an answer on its connection; KEPT: something may. Up to DRAINED it was
    # answered in order, and a connection that is lost meanwhile has a reason of its own.
    KEPT, CLIENT_CLOSED, SERVER_CLOSED, DRAINED, CLIENT_ABORTED, WRITE_STALLED, HEAD_STALLED
    BODY_STALLED, CLIENT_FAULT, SERVER_FAULT, APP_FAILED, FORCED

cdef enum AnswerState:
    NO_ANSWER, UNDER_WAY, WRITTEN

cdef struct Stamps:
    double head_at                              # when its request was whole
    double first_at                             # below zero: nothing of it was taken
    double taken_at
    int64_t begins_at, body_at, ends_at         # in the bytes that were handed over
    int status
    uint8_t ending
    uint8_t method                              # its place in `_counting.METHODS`, if that counts

cdef inline bint has_begun(const Stamps *stamps) noexcept:
    return stamps.begins_at != INT64_MAX

@cython.final
cdef class AnswerRecord:
    cdef readonly Request request
    cdef readonly bytes line                    # of what is no request: its first line; None
    cdef readonly Headers headers               # that the application has set; None: none began
    cdef readonly int64_t body_bytes, bytes_sent
    cdef Stamps stamps

@cython.final
cdef class SentBytes:
    cdef int64_t handed             # bytes given to the transport since the connection began
    cdef Stamps newest              # of the newest answer, also when that is over
    cdef AnswerState state          # and how far it is
    cdef Request request            # what its record will say
    cdef bytes line
    cdef Headers headers
    cdef object older               # deque of records: written, not yet taken; None: there never was one
    cdef int older_count
    cdef int64_t due_at             # the kernel has taken so much: `next_taken` has something to do
    cdef uint8_t lost_by            # the Ending of what is not taken, once that is known
    cdef bint told                  # all that will ever be logged was

    cdef int put_behind(self) except -1
    cdef int plan(self) except -1
    cdef Stamps *oldest(self) except? NULL
    cdef bint is_written(self) noexcept
    cdef Stamps *next_taken(self, Transport transport, bint lost) except? NULL
    cdef AnswerRecord take(self, int64_t taken)
    cdef int forget(self) except -1
    cdef AnswerRecord record_of_newest(self)

    # Each answer has these: without a call.

    cdef inline int head_came(self, double at) except -1:
        if self.state == WRITTEN:
            self.put_behind()
        self.state = UNDER_WAY
        self.newest.head_at = at
        self.newest.first_at = -1
        self.newest.begins_at = INT64_MAX   # not yet
        return 0

    cdef inline int began(self, int64_t head_size, int64_t size, Headers headers) except -1:
        """A head, and ``size`` bytes with it."""
        self.newest.begins_at = self.handed
        self.newest.body_at = self.handed + head_size
        if headers is not None:
            self.headers = headers
        if not self.older_count:
            self.due_at = self.handed + 1   # its first byte
        self.handed += size
        return 0

    cdef inline int ended(self, Request request, int status, uint8_t ending, uint8_t method) except -1:
        """Nothing more of the answer under way will be handed over."""
        self.state = WRITTEN
        self.request = request
        self.newest.status = status
        self.newest.ending = ending
        self.newest.method = method
        self.newest.ends_at = self.handed
        if not has_begun(&self.newest):
            self.newest.body_at = self.handed   # nothing of it was ever written
            self.plan()
        elif self.newest.first_at >= 0:
            self.plan()
        return 0

    cdef inline bint is_simple(self, int64_t taken) noexcept:
        """As most are: the one answer that there is, written whole, and all of it has left."""
        return (self.state == WRITTEN and not self.older_count and taken >= self.newest.ends_at
                and has_begun(&self.newest) and not self.told)

    cdef inline int forget_newest(self) except -1:
        self.state = NO_ANSWER
        self.due_at = INT64_MAX
        self.request = None
        if self.line is not None:
            self.line = None
        return 0
