"""The parts of a message: the C face of `_parts.pyx`."""

from reactor.parser._headers cimport Headers

cdef class Body:
    cdef readonly bytes data

cdef class End:
    cdef readonly Headers trailers

cdef Body body_of(bytes data)
