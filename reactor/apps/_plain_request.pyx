"""Whether a request asks for a whole file, whatever the client has of it, and which one.

One walk over the fields, instead of a look-up for each name: it is what every request for a file
that is remembered costs.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr

from reactor.parser._fields cimport Field
from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Request
from reactor.parser._names cimport sliced

cdef extern from "Python.h":
    void *PyUnicode_1BYTE_DATA(object text)

cdef extern from "_scan.h" nogil:
    bint scan_same(const uint8_t *p, const char *lower, size_t size)


cdef bint is_condition(const uint8_t *name, uint32_t size) noexcept:
    """RFC 9110 13.1 and 14.2; an If-Range (13.1.5) says nothing without a Range."""
    if size == 5:
        return scan_same(name, b"range", 5)
    if size == 8:
        return scan_same(name, b"if-match", 8)
    if size == 13:
        return scan_same(name, b"if-none-match", 13)
    if size == 17:
        return scan_same(name, b"if-modified-since", 17)
    return size == 19 and scan_same(name, b"if-unmodified-since", 19)


def plain_get(Request request):
    cdef Headers headers
    cdef const Field *field
    cdef const uint8_t *text
    cdef uint32_t i
    if request.method_text != "GET":
        return None
    headers = request.get_headers()
    field, text = headers.fields(), headers.text()
    accepted = None
    for i in range(headers.count):
        if is_condition(text + field[i].name, field[i].name_size):
            return None
        if field[i].name_size == 15 and scan_same(text + field[i].name, b"accept-encoding", 15):
            value = sliced(text + field[i].value, field[i].value_size)
            accepted = value if accepted is None else (accepted, value)
    return path_of(request.get_target()), accepted


cdef str path_of(str target):
    """Without the query: a file does not look at it, and a client may vary it as it likes."""
    # A target is ASCII, so it lies as one byte a character.
    cdef const char *text = <const char *>PyUnicode_1BYTE_DATA(target)
    cdef const char *query = <const char *>memchr(text, c'?', len(target))
    return target if query == NULL else target[:query - text]
