"""What a server asks of a connection: the C face of `_served.pyx`."""

from reactor.net._timed cimport TimedEndpoint

cdef class ServedEndpoint(TimedEndpoint):
    # Of what is served:
    cdef object call_protocol(self, str method, tuple args)
    cdef bint has_unsent(self) noexcept
