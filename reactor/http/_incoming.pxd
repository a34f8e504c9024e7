"""What a client's machine receives: the C face of `_incoming.pyx`."""

from reactor.http._sides cimport Sides
from reactor.parser._framing cimport ResponseParser

cdef class Incoming(Sides):
    cdef readonly ResponseParser parser
