"""How much of each answer the kernel has taken, and when, for the log.

    head_came ─> began ─> handed ... ─> ended ─> next_taken ─┬─> forget
                                                             └─> take: a record

An answer is in the log when its last byte has left, or when none of it can leave any more; and
the log says how many bytes of its body did, chunks' framing included (nginx: $body_bytes_sent).
A connection has this only if somebody wants to know, and only then its transport's clock is
asked: when a head was whole, and when a flush has taken the first or the last byte of an answer.
What is noted of an answer are numbers. An object is made of them only for who wants to see it, and
while answers wait in a row.

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
        self.stamps.first_at = -1
        self.stamps.begins_at = INT64_MAX

    @property
    def status(self):
        return self.stamps.status

    @property
    def head_at(self):
        return self.stamps.head_at

    @property
    def first_byte_at(self):
        return None if self.stamps.first_at < 0 else self.stamps.first_at

    @property
    def taken_at(self):
        return self.stamps.taken_at

    @property
    def close(self):
        return ENDINGS[self.stamps.ending]


@cython.final
cdef class SentBytes:

    def __cinit__(self):
        self.due_at = INT64_MAX

    cdef int put_behind(self) except -1:
        """Of pipelined requests, or of a client that takes nothing: most connections never do."""
        if self.older is None:
            self.older = deque()
        self.older.append(self.record_of_newest())
        self.older_count += 1
        return 0

    cdef int plan(self) except -1:
        """What is next, once something of the oldest is taken."""
        cdef Stamps *stamps = self.oldest()
        if stamps == NULL:
            self.due_at = INT64_MAX
        elif stamps.first_at < 0 and has_begun(stamps):
            self.due_at = stamps.begins_at + 1
        else:
            self.due_at = stamps.ends_at if self.is_written() else INT64_MAX
        return 0

    cdef Stamps *oldest(self) except? NULL:
        if self.older_count:
            return &(<AnswerRecord>self.older[0]).stamps
        return NULL if self.state == NO_ANSWER else &self.newest

    cdef bint is_written(self) noexcept:
        """The oldest, to its end."""
        return self.older_count or self.state == WRITTEN

    cdef Stamps *next_taken(self, Transport transport, bint lost) except? NULL:
        """The stamps of the oldest, if it is over; NULL: not yet, or there is none.

        ``lost``: what is not taken now never will be. Either `take` or `forget` it.
        """
        cdef int64_t taken = transport.taken
        cdef double now
        cdef bint over, first
        cdef Stamps *stamps = self.oldest()
        if stamps == NULL or self.told:
            return NULL
        over = self.is_written() and (lost or taken >= stamps.ends_at)
        first = stamps.first_at < 0 and taken > stamps.begins_at
        if not over and not first:
            return NULL     # nothing that the clock would be read for
        now = transport.time()
        if stamps != self.oldest():
            return NULL     # a thread that stops the server has told of it meanwhile
        if first:
            stamps.first_at = now
        if not over:
            self.plan()
            return NULL
        stamps.taken_at = now
        return stamps

    cdef AnswerRecord take(self, int64_t taken):
        """The oldest, which is over, with ``taken`` bytes of all that was handed over."""
        cdef AnswerRecord record
        cdef Stamps *stamps
        if self.older_count:
            self.older_count -= 1
            record = self.older.popleft()
        else:
            record = self.record_of_newest()
        self.plan()
        stamps = &record.stamps
        if stamps.ending <= DRAINED and (taken < stamps.ends_at or not has_begun(stamps)):
            stamps.ending = self.lost_by
        taken = min(taken, stamps.ends_at)
        record.bytes_sent = max(0, taken - stamps.begins_at)
        record.body_bytes = max(0, taken - stamps.body_at)
        return record

    cdef int forget(self) except -1:
        """Nobody wants to see the oldest, which is over."""
        if self.older_count:
            self.older_count -= 1
            self.older.popleft()
            return self.plan()
        return self.forget_newest()

    cdef AnswerRecord record_of_newest(self):
        cdef AnswerRecord record = AnswerRecord.__new__(AnswerRecord)
        record.stamps = self.newest
        record.request, self.request = self.request, None
        record.headers, self.headers = self.headers, None
        record.line, self.line = self.line, None
        self.state = NO_ANSWER
        return record
