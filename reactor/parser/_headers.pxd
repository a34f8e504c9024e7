"""Header fields as an object: the C face of `_headers.pyx`."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint32_t

from reactor.parser._fields cimport Facts, Field

cdef class Headers:
    # `block` is one allocation: `count` Fields, then the text that they point into.
    cdef bytes block
    cdef uint32_t count
    # http/_response keeps the field lines as bytes here, and which of the machine's own fields are
    # among them, from the second response with this object on (docs/remembered.md).
    cdef bytes lines
    cdef int says
    cdef bint written
    # What the fields mean together for the framing of a response.
    cdef Facts facts
    cdef bint noted

    cdef const Field *find(self, const uint8_t *name, uint32_t size) noexcept
    cdef const Field *look_up(self, object name) except? NULL
    cdef tuple key(self)
    cdef inline const Field *fields(self) noexcept:
        return <const Field *>PyBytes_AS_STRING(self.block)
    cdef inline const uint8_t *text(self) noexcept:
        return text_in(self.block, self.count)

cdef bytes block_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size)
cdef Headers headers_in(bytes block, uint32_t count)
cdef Headers headers_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size)
cdef Headers as_headers(object fields)
cdef bytes checked_value(object value)
cdef bytes wire_bytes(object text, str what)

cdef inline const uint8_t *text_in(bytes block, uint32_t count) noexcept:
    return <const uint8_t *>PyBytes_AS_STRING(block) + count * sizeof(Field)
