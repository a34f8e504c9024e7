"""The parts of a message as bytes: the status line, the field lines, the length, a chunk.

What they hold was checked when the message was made (`_headers.pyx`, `_message.pyx`). Must never
know which fields a message ought to have.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from reactor.parser._buffer cimport buffer_put, buffer_reserve
from reactor.parser._digits cimport DECIMAL_MAX, write_decimal
from reactor.parser._fields cimport Field

cdef extern from "_scan.h" nogil:
    bint scan_same(const uint8_t *p, const char *lower, size_t size)

cdef enum:
    HEX_MAX = 16    # digits of any Py_ssize_t

cdef const uint8_t *HEX_DIGITS = b"0123456789abcdef"

# Status lines with the usual reason, made when they are first needed.
cdef list STATUS_LINES = [None] * 1000


cdef bytes status_line(Response response, int version):
    cdef bytes line = None
    cdef bint usual = version == 11 and response.reason_text is None
    if usual:
        line = <bytes>STATUS_LINES[response.status_code]
    if line is None:
        line = (f"HTTP/1.{version - 10} {response.status_code} "
                f"{response.reason}\r\n").encode("latin-1")
        if usual:
            STATUS_LINES[response.status_code] = line
    return line


cdef int put_fields(ByteBuffer *to, Headers headers, bint but_length) except -1:
    """Append the lines of the fields; ``but_length``: without those of Content-Length."""
    cdef const Field *field = headers.fields()
    cdef const uint8_t *text = headers.text()
    cdef Py_ssize_t at = 0
    cdef uint32_t i
    if not headers.in_lines:
        return put_each(to, headers, but_length)
    if but_length:
        for i in range(headers.count):
            if is_length(text + field[i].name, field[i].name_size):
                buffer_put(to, text + at, field[i].name - at)
                at = field[i].value + field[i].value_size + 2
    return buffer_put(to, text + at, headers.text_size() - at)


cdef int put_each(ByteBuffer *to, Headers headers, bint but_length) except -1:
    """Of fields that were received: what stands between them is not what is sent."""
    cdef const Field *field = headers.fields()
    cdef const uint8_t *text = headers.text()
    cdef uint32_t i
    for i in range(headers.count):
        if but_length and is_length(text + field[i].name, field[i].name_size):
            continue
        buffer_put(to, text + field[i].name, field[i].name_size)
        buffer_put(to, b": ", 2)
        buffer_put(to, text + field[i].value, field[i].value_size)
        buffer_put(to, b"\r\n", 2)
    return 0


cdef inline bint is_length(const uint8_t *name, uint32_t size) noexcept:
    return size == 14 and scan_same(name, b"content-length", 14)


cdef int put_length(ByteBuffer *to, int64_t length) except -1:
    # From its end, since that is how digits are written.
    cdef uint8_t[16 + DECIMAL_MAX + 2] line
    cdef uint8_t *end = line + sizeof(line)
    cdef uint8_t *first
    memcpy(end - 2, b"\r\n", 2)
    first = write_decimal(end - 2, length) - 16
    memcpy(first, b"Content-Length: ", 16)
    return buffer_put(to, first, end - first)


cdef int put_chunk(ByteBuffer *to, const void *data, Py_ssize_t size) except -1:
    """RFC 9112 7.1; of no bytes it would be the last."""
    cdef uint8_t[HEX_MAX + 2] line
    cdef uint8_t *first = line + HEX_MAX
    cdef Py_ssize_t left = size
    first[0] = c'\r'
    first[1] = c'\n'
    while left:
        first -= 1
        first[0] = HEX_DIGITS[left & 15]
        left >>= 4
    buffer_reserve(to, line + HEX_MAX - first + size + 4)
    buffer_put(to, first, line + HEX_MAX + 2 - first)
    buffer_put(to, data, size)
    return buffer_put(to, b"\r\n", 2)
