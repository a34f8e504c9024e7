"""What a request's target says (RFC 9112 3.2, RFC 3986): its authority, its path, its escapes.

Must never know: which forms of it a request may have; that is judged before (`_fields.pyx`).
"""

from cpython.bytearray cimport PyByteArray_AS_STRING

from reactor.parser._digits cimport hex_digit_of
from reactor.parser._names cimport ascii


cdef tuple split_absolute(str target):
    """(authority, path and query) of an absolute-form target; the path is never empty."""
    cdef str rest = target.partition("://")[2]
    cdef Py_ssize_t i
    for i in range(len(rest)):
        if rest[i] == "/":
            return rest[:i], rest[i:]
        if rest[i] == "?":
            return rest[:i], "/" + rest[i:]
    return rest, "/"


cdef str decoded_path(const uint8_t *p, Py_ssize_t size):
    """Its escapes undone; what is no UTF-8 then is kept as Python keeps it in names of files."""
    if memchr(p, c'%', size) == NULL:
        return ascii(p, size)
    cdef bytearray decoded = bytearray(size)
    size = percent_decode(p, size, <uint8_t *>PyByteArray_AS_STRING(decoded))
    return decoded[:size].decode("utf-8", "surrogateescape")


cdef Py_ssize_t percent_decode(const uint8_t *p, Py_ssize_t size, uint8_t *to) noexcept:
    """RFC 3986 2.1, into `to`, which has room for as much; an escape that is none stays as it is.
    How many bytes it is."""
    cdef const uint8_t *end = p + size
    cdef uint8_t *first = to
    while p < end:
        if p[0] == c'%' and end - p > 2 and hex_digit_of(p[1]) >= 0 and hex_digit_of(p[2]) >= 0:
            to[0] = hex_digit_of(p[1]) << 4 | hex_digit_of(p[2])
            p += 3
        else:
            to[0] = p[0]
            p += 1
        to += 1
    return to - first
