"""Request and Response: the C face of `_message.pyx`."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint32_t

from reactor.parser._arrival cimport Arrival
from reactor.parser._fields cimport Facts, Field
from reactor.parser._lines cimport Head
from reactor.parser._headers cimport Headers

cdef class Message:
    cdef bytes block
    cdef uint32_t count
    cdef uint32_t target_at, target_size
    cdef int status_code
    # Of a request, and of a response (None: the standard one of the status). Here, and not in the
    # two classes: only objects of one size share the free list.
    cdef object method_text, reason_text
    cdef Facts facts
    cdef object target_text     # None: not yet made
    cdef Headers header_view    # None: not yet made
    cdef object content         # None: it is in `reader`, and not loaded yet
    cdef object reader          # of a request: its body as a file; None: not asked for yet
    cdef object peer
    cdef Arrival arrived        # of a request: more than it says of itself; None: nothing
    cdef object answerer        # of a request: the machine that answers it, while it asks the app
    cdef readonly bint complete
    cdef int64_t end_at

    cdef Headers get_headers(self)
    cdef inline const Field *field(self, uint32_t index) noexcept:
        return <const Field *>PyBytes_AS_STRING(self.block) + (index - 1)
    cdef str field_text(self, uint32_t index)

cdef class Request(Message):
    cdef tuple key(self)
    cdef str get_target(self)
    cdef str origin_target(self)
    cdef object view_origin(self, const uint8_t **p, const uint8_t **end)

cdef class Response(Message):
    cdef tuple key(self)

cdef Request with_collected(Request request, object body)
cdef Request request_of(const Head *head, const uint8_t *text)
cdef int fill_response(Response response, int status, Headers headers, object body,
                       object reason) except -1
cdef Response response_of(const Head *head, const uint8_t *text)
