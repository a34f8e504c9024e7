"""How a line of the access log looks: the C face of `_line_formats.pyx`."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from reactor.http._sent_bytes cimport AnswerRecord
from reactor.parser._buffer cimport ByteBuffer
from reactor.parser._message cimport Request

cdef class LineFormat:
    cdef ByteBuffer *to
    cdef int64_t second         # of `stamp`
    cdef bytes stamp

    cdef int put(self, ByteBuffer *to, object peer, AnswerRecord record) except -1

cdef class Combined(LineFormat):
    pass

cdef class Pairs(LineFormat):
    cdef bint json
    cdef bytes worker

    cdef int key(self, const char *name) except -1
    cdef int text(self, const char *name, const uint8_t *p, Py_ssize_t size) except -1
    cdef int number(self, const char *name, int64_t value) except -1
    cdef int seconds(self, const char *name, double value) except -1
    cdef int clients(self, object peer, Request request) except -1
    cdef int asked(self, Request request) except -1
    cdef int fields(self, Request request) except -1

cdef class Custom(LineFormat):
    cdef object line_of
