"""The head of a response as bytes: the C face of `_response.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor.parser._buffer cimport ByteBuffer
from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Response

cdef enum Persistence:
    # What the Connection field says: nothing, for HTTP/1.1 that stays open.
    SILENT, CLOSING, STAYING

cpdef int refuse_the_machines(Headers headers, bint upgrade_required=*) except -1
cdef int check_fields(Response response) except -1
cdef bint is_event_stream(Response response) except -1
cdef Response error_response(int status, str message, str retry_after, object extra)
cdef int put_head(ByteBuffer *to, Response response, bytes date, int64_t length, bint chunked,
                  Persistence persistence) except -1
