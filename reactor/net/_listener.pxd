"""What a listener asks for another kind of connection than the plain one: `_listener.pyx`."""

from reactor.net._connection cimport Connection

cdef class ConnectionKind:
    # One that has no descriptor yet; its protocol is made by itself, with `ConnectionOwner.made`.
    cdef Connection new(self)
