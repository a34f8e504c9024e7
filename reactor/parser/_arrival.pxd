"""How a request arrived: the C face of `_arrival.pyx`."""

cdef class CertifiedHosts:
    cdef readonly object allows     # whether an authority's host is one of them
    cdef bytes known                # the last one that was, as it was written

cdef class Arrival:
    cdef readonly str scheme
    cdef readonly str host          # None: what the request itself says
    cdef readonly object peer       # None: the client itself is at the other end
    cdef readonly object tls        # None: the connection is plain
    cdef CertifiedHosts hosts       # None: the client was promised none
