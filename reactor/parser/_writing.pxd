"""The parts of a message as bytes: the C face of `_writing.pyx`."""

from libc.stdint cimport int64_t

from reactor.parser._buffer cimport ByteBuffer
from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Response

cdef bytes status_line(Response response, int version)
cdef int put_fields(ByteBuffer *to, Headers headers, bint but_length) except -1
cdef int put_length(ByteBuffer *to, int64_t length) except -1
cdef int put_chunk(ByteBuffer *to, const void *data, Py_ssize_t size) except -1
