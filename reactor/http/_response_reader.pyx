"""What a client's machine receives, parsed where it was received.

A body's bytes are copied once, into the object that the user gets; by way of `data_received`
they would be copied three times (into bytes, into the parser's buffer, and out of it). Must never
know what is done with what was parsed.
"""

cimport cython
from libc.stdint cimport uint8_t

from reactor.parser._framing cimport ResponseParser


@cython.nonecheck(True)
cdef class ResponseReader(Sides):

    def __init__(self, limits):
        self.parser = ResponseParser(limits, lenient=True)

    cdef int receive(self, const uint8_t *data, Py_ssize_t size) except -1:
        if not self.wants():
            return 0
        self.parser.lend(data, size)
        try:
            self.pull()
        finally:
            self.parser.settle()
        return 0

    def data_received(self, bytes data):
        if self.wants():
            self.parser.feed(data)
            self.pull()

    def wants(self):
        raise NotImplementedError

    def pull(self):
        raise NotImplementedError
