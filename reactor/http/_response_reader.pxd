"""What a client's machine receives: the C face of `_response_reader.pyx`."""

from reactor.http._sides cimport Sides
from reactor.parser._framing cimport ResponseParser

cdef class ResponseReader(Sides):
    cdef readonly ResponseParser parser
