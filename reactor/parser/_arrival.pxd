"""How a request arrived: the C face of `_arrival.pyx`."""

cdef class Arrival:
    cdef readonly str scheme
    cdef readonly str host          # None: what the request itself says
    cdef readonly object peer       # None: the client itself is at the other end
    cdef readonly object tls        # None: the connection is plain
