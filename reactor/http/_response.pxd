"""The head of a response as bytes: the C face of `_response.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Response

cdef struct Text:
    # Bytes that grow at the end. Its holder frees `base`.
    uint8_t *base
    Py_ssize_t size, capacity

cdef enum Persistence:
    # What the Connection field says: nothing, for HTTP/1.1 that stays open.
    SILENT, CLOSING, STAYING

cdef int put(Text *text, const void *data, Py_ssize_t size) except -1
cpdef int refuse_the_machines(Headers headers, bint upgrade_required=*) except -1
cdef int check_fields(Response response) except -1
cdef bint is_event_stream(Response response) except -1
cdef Response error_response(int status, str message, str retry_after, object extra)
cdef int put_head(Text *text, Response response, bytes date, int64_t length, bint chunked,
                  Persistence persistence) except -1
