"""What a server asks of a connection: the C face of `_served.pyx`."""

from reactor.net._timed cimport TimedEndpoint

cdef class ServedEndpoint(TimedEndpoint):
    # Of what is served:
    cdef int end_event          # HANGUP: the protocol is told of the peer's end while it reads nothing
    cdef bint end_told
    cdef object call_protocol(self, str method, tuple args)
    cdef bint has_unsent(self) noexcept
    cdef int reading_changed(self) except -1
    cdef int end_ahead(self) except -1
    cdef int give_way(self) except -1
