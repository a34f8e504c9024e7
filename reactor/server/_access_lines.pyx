"""The lines of the access log, put one behind another until the turn of the loop ends.

    answered ─> put ─> put ─> put ─> the turn ends ─> one write

Must never know: how a line looks (`_line_formats.pyx`), or where lines go.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.time cimport time as c_time

from reactor.http._sent_bytes cimport DRAINED
from reactor.parser._buffer cimport buffer_free

from reactor.log import failed
from reactor.process.interrupts import is_from_a_signal

cdef extern from "<unistd.h>":
    Py_ssize_t c_write "write"(int fd, const void *data, size_t size)

cdef enum:
    # One write of what came together; a pipe is written in parts in any case.
    WRITE_BYTES_MAX = 65536
    REFUSED_FROM = 400


cdef class AccessLines:

    def __cinit__(self):
        self.descriptor = -1

    def __init__(self, LineFormat format, write, int sample=1, int descriptor=-1):
        self.format = format
        self.write = write
        self.sample = sample
        self.skipped = sample - 1   # the first of them has a line
        self.descriptor = descriptor

    def __dealloc__(self):
        buffer_free(&self.buffer)

    def wait_for(self, at_turn_end):
        self.at_turn_end = at_turn_end
        self.flush_later = self.flush

    def share(self, lock):
        self.lock = lock

    def answered(self, peer, AnswerRecord record not None):
        if self.format is None or self.sample > 1 and self.skips(record):
            return
        try:
            self.add(peer, record)
        except BaseException as error:
            if is_from_a_signal(error):
                raise
            failed(error)

    def flush(self):
        self.planned = False
        try:
            if self.buffer.end:
                self.write_all()
        except BaseException as error:
            if is_from_a_signal(error):
                raise
            failed(error)

    cdef int add(self, object peer, AnswerRecord record) except -1:
        if self.lock is None:
            self.put(peer, record)
        else:
            # A collection may run while a line is made, and with it anybody's code.
            self.lock.acquire()
            try:
                self.put(peer, record)
                lines = self.take()
            finally:
                self.lock.release()
            self.write(lines) if self.descriptor < 0 else self.write(lines, 0)
            return 0
        if self.at_turn_end is None or self.buffer.end >= WRITE_BYTES_MAX:
            return self.write_all()
        if not self.planned:
            self.planned = True
            self.at_turn_end(self.flush_later)
        return 0

    cdef int put(self, object peer, AnswerRecord record) except -1:
        cdef Py_ssize_t before = self.buffer.end
        try:
            return self.format.put(&self.buffer, peer, record)
        except BaseException:
            self.buffer.end = before
            raise

    cdef bytes take(self):
        cdef bytes lines
        lines = PyBytes_FromStringAndSize(<const char *>self.buffer.base, self.buffer.end)
        self.buffer.end = 0
        return lines

    cdef bint skips(self, AnswerRecord record) noexcept:
        if record.stamps.ending > DRAINED or not 0 < record.stamps.status < REFUSED_FROM:
            return False    # what went wrong is not left out
        self.skipped += 1
        if self.skipped < self.sample:
            return True
        self.skipped = 0
        return False

    cdef int write_all(self) except -1:
        """Into a file at once, nearly always; who has opened it is asked once a second, and gets
        what did not go in."""
        cdef bytes lines
        cdef int64_t second
        cdef Py_ssize_t written = 0
        if self.descriptor >= 0 and self.at_turn_end is not None:
            second = c_time(NULL)
            if self.is_fine and second == self.asked:
                written = max(0, c_write(self.descriptor, self.buffer.base, self.buffer.end))
                if written == self.buffer.end:
                    self.buffer.end = 0
                    return 0
            self.asked = second
        lines = self.take()
        if self.descriptor < 0:
            self.write(lines)
        else:
            self.is_fine = self.write(lines, written)
        return 0
