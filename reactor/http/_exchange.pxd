"""One request and its answer: the C face of `_exchange.pyx`."""

from libc.stdint cimport int64_t

from reactor.parser._message cimport Request
from reactor.http._deferred cimport DeferredResponder

cdef class Exchange:
    cdef DeferredResponder responder    # None: it is over
    cdef readonly Request request
    cdef public object on_room, on_disconnect, on_drain
    cdef object on_body             # takes the pieces of the request's body; None: not asked for
    cdef readonly bint disconnected         # the peer sends nothing more, or is not there any more
    cdef bint lost, body_paused
    cdef int64_t streamed           # bytes of the request's body that have come

    cdef DeferredResponder open(self)
    cdef int settle(self, DeferredResponder responder) except -1

cdef Exchange exchange_of(DeferredResponder responder)
