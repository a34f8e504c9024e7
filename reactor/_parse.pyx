"""bytes -> heads: join and split, and the stateless parser.

Knows: where the blank line is, and how to hand a caller's bytes to the scanner of
`_head.pyx`. Keeps no state between two calls; for a head that arrives in pieces there is
`reactor.http.RequestParser`. Must never know: a socket, a clock, a body's framing.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBuffer_IsContiguous, PyBuffer_Release, PyObject_GetBuffer)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdint cimport uint8_t
from libc.string cimport memchr, memcmp, memcpy

from reactor.parser._bounds cimport Bounds, read_bounds
from reactor.parser._fields cimport Field
from reactor.parser._head cimport scan_head
from reactor.parser._lines cimport DONE, MORE, Head, ScanResult, head_free, head_init, head_lend
from reactor.parser._message cimport Message, request_of, response_of
from reactor.parser._rules cimport broken

cdef enum:
    FIELDS_ON_STACK = 64
    OFFSET_MAX = 0x7fffffff # offsets of a head fit 32 bits


# --- the stateless parser -----------------------------------------------------------------

cdef object parse_head(object data, Py_ssize_t start, object limits, bint response,
                       bint lenient):
    cdef Py_buffer view
    # bytes cannot change under us: the buffer protocol would only cost time.
    if type(data) is bytes:
        return parse_text(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), start, limits,
                          response, lenient)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return parse_text(<const char *>view.buf, view.len, start, limits, response, lenient)
    finally:
        PyBuffer_Release(&view)


cdef Message parse_text(const char *data, Py_ssize_t size, Py_ssize_t start, object limits,
                        bint response, bint lenient):
    cdef Bounds bounds
    cdef Head head
    cdef Field fields[FIELDS_ON_STACK]
    cdef const uint8_t *text = <const uint8_t *>data + start
    cdef Message message = None
    cdef ScanResult result
    if start < 0 or start > size:
        raise ValueError(f"start {start} is outside of the {size} bytes")
    read_bounds(limits, &bounds)
    head_lend(&head, fields, FIELDS_ON_STACK)
    head_init(&head, &bounds, response, lenient)
    result = scan_head(&head, text, min(size - start, <Py_ssize_t>OFFSET_MAX))
    try:
        if result == DONE:
            message = response_of(&head, text) if response else request_of(&head, text)
            message.end_at += start
        elif result != MORE:
            raise broken(head.rule, head.fault)
    finally:
        head_free(&head)
    return message


def parse_request(data, Py_ssize_t start=0, limits=None):
    return parse_head(data, start, limits, False, False)


def parse_response(data, Py_ssize_t start=0, limits=None, bint lenient=False):
    return parse_head(data, start, limits, True, lenient)


# --- join and split -----------------------------------------------------------------------

cdef enum:
    BLANK_SIZE = 4          # CR LF CR LF


def join(chunks):
    return b"".join(chunks)


def split_head(data):
    return split_message([data])


def split_message(chunks):
    """Twice over the chunks: find and measure, then copy each byte to where it belongs."""
    cdef list pieces = chunks if type(chunks) is list else list(chunks)
    cdef Py_ssize_t end = -1
    cdef Py_ssize_t total = measure(pieces, &end, True)
    if total < 0:
        pieces = [piece if type(piece) is bytes else contiguous(piece) for piece in pieces]
        total = measure(pieces, &end, False)
    if end < 0:
        return None
    head = PyBytes_FromStringAndSize(NULL, end - BLANK_SIZE)
    body = PyBytes_FromStringAndSize(NULL, total - end)
    copy_range(pieces, 0, PyBytes_AS_STRING(head), end - BLANK_SIZE)
    copy_range(pieces, end, PyBytes_AS_STRING(body), total - end)
    return head, body


cdef Py_ssize_t measure(list pieces, Py_ssize_t *end, bint only_bytes) except -2:
    """The bytes of all pieces, and where in them the blank line ends (-1: nowhere).

    -1 if there are `only_bytes` to be and a piece is something else.
    """
    cdef Py_ssize_t total = 0, size
    cdef int matched = 0
    cdef const char *data
    end[0] = -1
    for piece in pieces:
        if only_bytes and type(piece) is not bytes:
            return -1
        size = memory_of(piece, &data)
        if end[0] < 0:
            end[0] = find_blank_line(data, size, &matched)
            if end[0] >= 0:
                end[0] += total
        total += size
    return total


cdef object contiguous(object piece):
    """A view that keeps the piece's memory where it is."""
    cdef object view = memoryview(piece)
    if not PyBuffer_IsContiguous(PyMemoryView_GET_BUFFER(view), c"C"):
        raise BufferError("a chunk must be contiguous")
    return view


cdef inline Py_ssize_t memory_of(object piece, const char **data) except -1:
    cdef Py_buffer *view
    if type(piece) is bytes:
        data[0] = PyBytes_AS_STRING(piece)
        return PyBytes_GET_SIZE(piece)
    view = PyMemoryView_GET_BUFFER(piece)
    data[0] = <const char *>view.buf
    return view.len


cdef int copy_range(list pieces, Py_ssize_t skip, char *to, Py_ssize_t left) except -1:
    """Copy `left` bytes of the pieces, from the byte at `skip` on."""
    cdef const char *data
    cdef Py_ssize_t size
    for piece in pieces:
        size = memory_of(piece, &data)
        if skip >= size:
            skip -= size
            continue
        size = min(size - skip, left)
        memcpy(to, data + skip, size)
        to += size
        left -= size
        skip = 0
        if left == 0:
            break
    return 0


cdef Py_ssize_t find_blank_line(const char *data, Py_ssize_t size, int *matched) noexcept nogil:
    """The offset after CRLF CRLF, -1 if it does not end here.

    `matched` is how many of its bytes ended the data before; on -1, how many end this.
    """
    cdef Py_ssize_t at = 0, found
    while matched[0] and at < size:
        step(matched, data[at])
        at += 1
        if matched[0] == BLANK_SIZE:
            return at
    found = blank_line(data + at, size - at)
    if found >= 0:
        return at + found + BLANK_SIZE
    for at in range(max(at, size - BLANK_SIZE + 1), size):
        step(matched, data[at])
    return -1


cdef inline void step(int *matched, char byte) noexcept nogil:
    if byte == (c"\n" if matched[0] & 1 else c"\r"):
        matched[0] += 1
    else:
        matched[0] = byte == c"\r"


cdef Py_ssize_t blank_line(const char *start, Py_ssize_t size) noexcept nogil:
    """Where CRLF CRLF begins; -1 if it is not there."""
    cdef const char *p = start
    cdef const char *end = start + size
    while end - p >= BLANK_SIZE:
        # The second LF is the rarer byte to look for: a line has one.
        p = <const char *>memchr(p + 3, c'\n', end - p - 3)
        if p == NULL:
            return -1
        p -= 3
        if not memcmp(p, b"\r\n\r\n", BLANK_SIZE):
            return p - start
        p += 1
    return -1
