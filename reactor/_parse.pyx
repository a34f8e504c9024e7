"""bytes -> heads: join and split, and the stateless parser.

Knows: where the blank line is, and how to hand a caller's bytes to the scanner of
`_head.pyx`. Keeps no state between two calls; for a head that arrives in pieces there is
`reactor.http.RequestParser`. Must never know: a socket, a clock, a body's framing.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memset

from reactor._fields cimport Field
from reactor._head cimport (
    DONE, MORE, Bounds, Head, Verdict, head_error, head_free, head_init, head_lend, read_bounds,
    scan_head)
from reactor._message cimport Request, Response, request_of, response_of

cdef enum:
    FIELDS_ON_STACK = 64
    OFFSET_MAX = 0x7fffffff


# --- the stateless parser -----------------------------------------------------------------

cdef object parse_head(object data, Py_ssize_t start, object limits, bint response,
                       bint lenient):
    cdef Bounds bounds
    cdef Head head
    cdef Field fields[FIELDS_ON_STACK]
    cdef Py_buffer view
    cdef Verdict verdict
    cdef object message = None
    read_bounds(limits, &bounds)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    memset(&head, 0, sizeof(Head))
    head_lend(&head, fields, FIELDS_ON_STACK)
    head_init(&head, &bounds, response, lenient)
    try:
        if start < 0 or start > view.len:
            raise ValueError(f"start {start} is outside of the {view.len} bytes")
        text = <const uint8_t *>view.buf + start
        verdict = scan_head(&head, text, min(view.len - start, <Py_ssize_t>OFFSET_MAX))
        if verdict == DONE:
            message = response_of(&head, text) if response else request_of(&head, text)
        elif verdict != MORE:
            raise head_error(&head, 0)
    finally:
        head_free(&head)
        PyBuffer_Release(&view)
    return message


def parse_request(data, Py_ssize_t start=0, limits=None):
    cdef Request request = parse_head(data, start, limits, False, False)
    if request is not None:
        request.end_at += start
    return request


def parse_response(data, Py_ssize_t start=0, limits=None, bint lenient=False):
    cdef Response response = parse_head(data, start, limits, True, lenient)
    if response is not None:
        response.end_at += start
    return response


# --- join and split -----------------------------------------------------------------------

def join(chunks):
    return b"".join(chunks)


def split_head(data):
    cdef Py_buffer view
    cdef Py_ssize_t end
    cdef const char *start
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        start = <const char *>view.buf
        end = blank_line(start, view.len)
        if end < 0:
            return None
        return (PyBytes_FromStringAndSize(start, end),
                PyBytes_FromStringAndSize(start + end + 4, view.len - end - 4))
    finally:
        PyBuffer_Release(&view)


cdef Py_ssize_t blank_line(const char *start, Py_ssize_t size) noexcept nogil:
    """Where CRLF CRLF begins; -1 if it is not there."""
    cdef const char *p = start
    cdef const char *end = start + size
    while end - p >= 4:
        # The last LF of the four can be no earlier than three bytes on.
        p = <const char *>memchr(p + 3, c'\n', end - p - 3)
        if p == NULL:
            return -1
        p -= 3
        if not memcmp(p, b"\r\n\r\n", 4):
            return p - start
        p += 1
    return -1


def split_message(chunks):
    return split_head(b"".join(chunks))
