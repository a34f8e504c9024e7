"""What a server's machine writes, and how much of it the kernel has taken.

The log names an answer when the kernel has taken its last byte, or takes no more: a client that left
after 1 KB of 50 MB has got 1 KB. Nothing is counted when nobody wants to know.

Must never know: what an answer is made of, or how it is framed.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from reactor.http._sent_bytes cimport (
    APP_FAILED, BODY_STALLED, CLIENT_ABORTED, CLIENT_FAULT, FORCED, HEAD_STALLED, KEPT,
    SERVER_CLOSED, SERVER_FAULT, UNDER_WAY, WRITE_STALLED, AnswerRecord, SentBytes, Stamps, has_begun)
from reactor.http._sides cimport IDLE
from reactor.process._page cimport ACTIVE, WRITING

from reactor.errors import TruncatedFileError

cdef enum:
    # What is logged of a request whose client has gone before its answer began (nginx's number).
    CLIENT_GONE = 499
    # Pipelined answers leave together, but none waits for a next one that takes its time.
    HELD_BACK_MS_MAX = 5


cdef class Sender(Sides):

    cdef int write(self, bytes data) except -1:
        return self.send(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int send(self, const uint8_t *data, Py_ssize_t size) except -1:
        if self.sent_bytes is None:
            return self.transport.send(data, size)
        self.sent_bytes.handed += size
        self.transport.send(data, size)
        return self.notify_taken(False)

    cdef int head_came(self) except -1:
        """Begin the record of an answer. The turn's time is what the first request of a read has
        waited since; those behind it in the same read begin when the answer before is given."""
        if self.sent_bytes is None:
            self.sent_bytes = SentBytes()
        cdef int64_t *counted = self.context.counted
        cdef double at
        if self.pipelined:
            at = self.transport.time()
            if 1000 * (at - self.sent_bytes.newest.head_at) > HELD_BACK_MS_MAX:
                self.flush_all()
        else:
            at = self.transport.turn_began()
            self.pipelined = True
        if counted != NULL and self.sent_bytes.state != UNDER_WAY:
            counted[ACTIVE] += 1
        return self.sent_bytes.head_came(at)

    cdef int answer_began(self, int64_t head_size, int64_t size, Headers headers) except -1:
        """A head, and ``size`` bytes with it, will be sent next."""
        cdef int64_t *counted = self.context.counted
        if counted != NULL:
            counted[WRITING] += 1
        return self.sent_bytes.began(head_size, size, headers)

    cdef int send_file(self, object file, int64_t offset, int64_t length) except -1:
        self.written = length
        if self.sent_bytes is not None:
            self.sent_bytes.handed += length
        self.transport.sendfile(file, offset, length)
        return 0

    cdef int flush_all(self) except -1:
        """Give the kernel all that it takes now: no turn of the loop will, while the app runs."""
        cdef int64_t before, left = self.transport.get_write_buffer_size()
        while left:
            before = left
            self.transport.flush()
            left = self.transport.get_write_buffer_size()
            if left == before:
                break
        return 0

    cdef int ending(self) except -1:
        """Why the answer under way is the last of its connection; KEPT: it is not."""
        return KEPT

    cdef int answered(self) except -1:
        """Nothing more of this answer will be written."""
        cdef int64_t *counted = self.context.counted
        cdef uint8_t method = 0, ending = KEPT
        if self.sent_bytes is None or self.sent_bytes.state != UNDER_WAY:
            return 0
        if counted != NULL:
            counted[ACTIVE] -= 1
            method = self.context.counts.method_place(self.request)
        if self.context.logs_answers:
            ending = self.ending()
        self.sent_bytes.ended(self.request, self.status, ending, method)
        # Else a flush will say more.
        return 0 if self.transport.taken < self.sent_bytes.handed else self.notify_taken(False)

    cdef int lost(self, object exception) except -1:
        """The connection has ended: the kernel takes nothing more of what is under way."""
        cdef int by = lost_by(exception)
        if self.sent_bytes is None:
            return 0
        self.sent_bytes.lost_by = by
        if self.sent_bytes.state == UNDER_WAY:
            if self.write_state == IDLE:
                self.status = CLIENT_GONE if by == CLIENT_ABORTED else 0
            # It is not whole, though all that there was of it may have been taken.
            self.cause = self.cause or by
            self.answered()
        return self.notify_taken(True)

    def cut_off(self):
        if self.sent_bytes is not None:
            self.lost(None)
            self.sent_bytes.told = True

    cdef int note_fault(self, object error, bytes line) except -1:
        """The peer's fault is answered next; ``line``: what came as the first line of its request."""
        self.cause = fault_of(error)
        if self.context.wants_answers and self.request is None and self.write_state == IDLE:
            self.head_came()
            self.sent_bytes.line = line
        return 0

    cdef int flushed(self) except -1:
        if self.sent_bytes is None or self.transport.taken < self.sent_bytes.due_at:
            return 0
        return self.notify_taken(False)

    cdef int notify_taken(self, bint lost) except -1:
        """Count and log the answers that the kernel has taken, or takes nothing more of."""
        cdef Stamps *stamps
        cdef bint slow
        if self.sent_bytes is None:
            return 0
        if not self.context.logs_answers and self.sent_bytes.is_simple(self.transport.taken):
            # Nothing but its end is counted. The loop below would come to the same.
            self.sent_bytes.newest.taken_at = self.transport.time()
            if self.context.counts.answered(&self.sent_bytes.newest):
                return self.tell(True)
            return self.sent_bytes.forget_newest()
        while lost or self.transport.taken >= self.sent_bytes.due_at:
            stamps = self.sent_bytes.next_taken(self.transport, lost)
            if stamps == NULL:
                break
            # What never began was answered nothing: its client has gone.
            slow = (self.context.counted != NULL and has_begun(stamps)
                    and self.context.counts.answered(stamps))
            if slow or self.context.logs_answers:
                self.tell(slow)
            else:
                self.sent_bytes.forget()
        return 0

    cdef int tell(self, bint slow) except -1:
        cdef AnswerRecord record = self.sent_bytes.take(self.transport.taken)
        if slow:
            self.context.counts.was_slow(record)
        if self.context.logs_answers:
            self.context.journal.answered(self.peer, record)
        return 0


cdef int lost_by(object exception):
    """Who has ended a connection while answers were under way."""
    if exception is None:
        return FORCED       # by `abort`, when the server stops
    if isinstance(exception, TimeoutError):
        return WRITE_STALLED
    if isinstance(exception, TruncatedFileError):
        return APP_FAILED
    return CLIENT_ABORTED if isinstance(exception, OSError) else SERVER_CLOSED


cdef int fault_of(object error):
    if error.code == "header-timeout":
        return HEAD_STALLED
    if error.code == "body-timeout":
        return BODY_STALLED
    return SERVER_FAULT if error.status >= 500 else CLIENT_FAULT
