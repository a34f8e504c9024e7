"""Header fields as an object: the C face of `_headers.pyx`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t

from reactor.parser._fields cimport Facts, Field

cdef class Headers:
    # `block` is one allocation: `count` Fields, then the text that they point into.
    cdef bytes block
    cdef uint32_t count
    # Its text is the field lines as they are sent, and nothing else: it was made here.
    cdef bint in_lines
    # Which of the machine's own fields are among them (http/_response), once that was looked at.
    cdef int says
    # What the fields mean together for the framing of a response.
    cdef Facts facts
    cdef bint noted

    cdef int take(self, Headers other) except -1
    cdef const Field *find(self, const uint8_t *name, uint32_t size) noexcept
    cdef const Field *look_up(self, object name) except? NULL
    cdef tuple key(self)
    cdef inline const Field *fields(self) noexcept:
        return <const Field *>PyBytes_AS_STRING(self.block)
    cdef inline const uint8_t *text(self) noexcept:
        return text_in(self.block, self.count)
    cdef inline Py_ssize_t text_size(self) noexcept:
        return PyBytes_GET_SIZE(self.block) - self.count * sizeof(Field)

cdef bytes block_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size)
cdef Headers headers_in(bytes block, uint32_t count)
cdef Headers headers_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size)
cdef Headers as_headers(object fields)
cdef bytes checked_value(object value)
cdef bytes wire_bytes(object text, str what)

cdef inline const uint8_t *text_in(bytes block, uint32_t count) noexcept:
    return <const uint8_t *>PyBytes_AS_STRING(block) + count * sizeof(Field)
