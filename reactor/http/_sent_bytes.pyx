"""How much of each answer the kernel has taken, and when, for the log.

    head_came ─> began ─> handed ... ─> ended ─> next_taken

An answer is in the log when its last byte has left, or when none of it can leave any more; and
the log says how many bytes of its body did, chunks' framing included (nginx: $body_bytes_sent).
A connection has this only if somebody wants to know, and only then its transport's clock is
asked: when a head was whole, and when a flush has taken the first or the last byte of an answer.

Must never know: what is logged, and where; a clock, only what a transport says of its own.
"""

cimport cython
from libc.stdint cimport INT64_MAX

from collections import deque

# What an answer's record says, and then what connections end by that have no request under way.
ENDINGS = (
    "keep", "client-close", "server-close", "drain", "client-abort", "write-timeout",
    "header-timeout", "body-timeout", "error-4xx", "error-5xx", "app-error", "force",
    "keep-alive-timeout", "silent", "shed")


@cython.final
@cython.freelist(16)
cdef class AnswerRecord:

    def __cinit__(self):
        self.first_at = -1
        self.begins_at = INT64_MAX  # not yet

    @property
    def first_byte_at(self):
        return None if self.first_at < 0 else self.first_at

    @property
    def close(self):
        return ENDINGS[self.ending]

    cdef bint has_begun(self) noexcept:
        return self.begins_at != INT64_MAX

    cdef bint first_is_due(self, int64_t taken) noexcept:
        return self.first_at < 0 and taken > self.begins_at


cdef class SentBytes:

    def __cinit__(self):
        self.due_at = INT64_MAX

    cdef int head_came(self, double at) except -1:
        self.current = AnswerRecord()
        self.current.head_at = self.began_at = at
        return 0

    cdef int began(self, int64_t head_size, int64_t size, Headers headers) except -1:
        """A head, and ``size`` bytes with it."""
        self.current.begins_at = self.handed
        self.current.body_at = self.handed + head_size
        self.current.headers = headers
        self.handed += size
        return self.plan()

    cdef int ended(self, object request, int status, uint8_t ending) except -1:
        """Nothing more of the answer under way will be handed over."""
        cdef AnswerRecord record = self.current
        if record is None:
            return 0
        self.current = None
        record.request = request
        record.status = status
        record.ending = ending
        if not record.has_begun():
            record.body_at = self.handed    # nothing of it was ever written
        record.ends_at = self.handed
        if self.oldest is None:
            self.oldest = record
        else:
            # Of pipelined requests, or of a client that takes nothing: most have none of these.
            if self.behind is None:
                self.behind = deque()
            self.behind.append(record)
        return self.plan()

    cdef int plan(self) except -1:
        cdef AnswerRecord record = self.current if self.oldest is None else self.oldest
        if record is None or (record is self.current and not record.has_begun()):
            self.due_at = INT64_MAX
        elif record.first_at < 0 and record.has_begun():
            self.due_at = record.begins_at + 1
        else:
            self.due_at = INT64_MAX if record is self.current else record.ends_at
        return 0

    cdef AnswerRecord next_taken(self, Transport transport, bint lost):
        """The next answer that is over; None: not yet, or there is none.

        ``lost``: what is not taken now never will be.
        """
        cdef int64_t taken = transport.taken
        cdef AnswerRecord record = self.current if self.oldest is None else self.oldest
        if record is None or self.told:
            return None
        cdef bint over = self.oldest is not None and (lost or taken >= record.ends_at)
        cdef bint first = record.first_is_due(taken)
        if not over and not first:
            return None     # nothing that the clock would be read for
        cdef double now = transport.time()
        if first:
            record.first_at = now
        if not over:
            self.plan()
            return None
        record.taken_at = now
        if record.ending <= DRAINED and (taken < record.ends_at or not record.has_begun()):
            record.ending = self.lost_by
        taken = min(taken, record.ends_at)
        record.bytes_sent = max(0, taken - record.begins_at)
        record.body_bytes = max(0, taken - record.body_at)
        self.oldest = self.behind.popleft() if self.behind else None
        self.plan()
        return record
