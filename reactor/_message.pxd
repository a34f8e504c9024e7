"""Headers, Request and Response: the C face of `_message.pyx`."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from reactor._fields cimport Facts, Field
from reactor._head cimport Head

cdef class Headers:
    # `block` is one allocation: `count` Fields, then the text that they point into.
    cdef bytes block
    cdef uint32_t count

    cdef const Field *find(self, const uint8_t *name, uint32_t size) noexcept
    cdef const Field *look_up(self, object name) except? NULL
    cdef tuple key(self)
    cdef inline const Field *fields(self) noexcept:
        return <const Field *><const char *>self.block
    cdef inline const uint8_t *text(self) noexcept:
        return <const uint8_t *><const char *>self.block + self.count * sizeof(Field)

cdef class Message:
    cdef bytes block
    cdef uint32_t count
    cdef uint32_t target_at, target_size, head_size
    cdef int status_code
    cdef Facts facts
    cdef object word            # the method or the reason; None: not yet made
    cdef object target_text     # None: not yet made
    cdef Headers header_view    # None: not yet made
    cdef object content
    cdef object peer
    cdef bint whole
    cdef int64_t end_at

    cdef Headers get_headers(self)
    cdef str field_text(self, uint32_t index)

cdef class Request(Message):
    cdef str get_target(self)
    cdef str origin_target(self)

cdef class Response(Message):
    pass

cdef Request request_of(const Head *head, const uint8_t *text)
cdef Response response_of(const Head *head, const uint8_t *text)
cdef Headers headers_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size)
cdef Headers as_headers(object fields)
cdef str reason_of(int status)
