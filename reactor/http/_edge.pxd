"""What is believed of a request: the C face of `_edge.pyx`."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from reactor.parser._fields cimport ABSOLUTE, Field
from reactor.parser._headers cimport text_in
from reactor.parser._message cimport Request

cdef inline uint64_t word(const uint8_t *p) noexcept:
    cdef uint64_t eight
    memcpy(&eight, p, 8)
    return eight

cdef class Edge:
    cdef object trusted         # None: nobody, and no field is looked at
    cdef object hosts           # which the server answers for; None: any
    cdef bint standard          # Forwarded is believed, else X-Forwarded-*
    cdef Py_ssize_t entries_max
    cdef bytes known_host       # the last one that was found among them, as it was written

    cdef int judge(self, Request request) except -1
    cdef int forward(self, Request request) except -1
    cdef int check_host(self, Request request) except -1

cdef int check_certified(Request request, Edge edge) except -1

cdef inline bint is_known(Request request, const uint8_t *known, Py_ssize_t size) noexcept:
    """Whether its host, byte for byte, is the one that was found right the last time, so that there
    is nothing to judge. Every request asks."""
    cdef const Field *field
    cdef const uint8_t *host
    if request.facts.host == 0 or request.facts.flags & ABSOLUTE:
        return False
    field = request.field(request.facts.host)
    if field.value_size != size:
        return False
    host = text_in(request.block, request.count) + field.value
    if 8 <= size <= 16:
        return word(host) == word(known) and word(host + size - 8) == word(known + size - 8)
    return memcmp(host, known, size) == 0
