"""What a client's machine receives: the C face of `_incoming.pyx`."""

from reactor._protocol cimport Protocol
from reactor.parser._framing cimport ResponseParser

cdef class Incoming(Protocol):
    cdef readonly ResponseParser parser
