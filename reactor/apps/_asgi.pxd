"""One call of an ASGI application: the C face of `_asgi.pyx`."""

from libc.stdint cimport int64_t

from reactor.apps._asgi_receiver cimport AsgiReceiver
from reactor.apps._scope cimport Scopes
from reactor.apps._tasks cimport Tasks
from reactor.http._deferred cimport DeferredResponder
from reactor.parser._message cimport Request, Response

cdef class AsgiCalls:
    cdef object application, policy
    cdef readonly Tasks tasks
    cdef readonly Scopes scopes
    cdef object context             # the server's, for its journal
    cdef public bint asks_local     # a connection has to be asked where it arrived

    cdef int report(self, object exception, Request request) except -1
    cdef object local_of(self, DeferredResponder responder)

cdef class AsgiCall(AsgiReceiver):
    cdef AsgiCalls calls
    cdef object local
    cdef Response head              # held until the first piece of the body; None: no start yet
    cdef object answer              # a whole one, for who called `respond`
    cdef object failure             # raised before anything was answered, for the same
    cdef object trailers            # a list, while trailers are expected; else None
    cdef bint drops_trailers        # they come, and this client takes none
    cdef bint body_sent             # all of it
    cdef bint closes                # the application has asked for the end of the connection
    cdef bint sent_lately
    cdef bint abandoned             # cancelled by us: its client has gone
    cdef object watch               # the timer that looks whether a stream is abandoned

    cdef bint is_gone(self) except -1
    cdef int leave(self) except -1
    cdef int start(self, dict message) except -1
    cdef object body(self, dict message)
    cdef int check_open(self, str kind) except -1
    cdef object whole(self, object content)
    cdef object piece(self, bytes data, bint more)
    cdef object sent(self, DeferredResponder responder)
    cdef object finish_stream(self)
    cdef object end_stream(self, object trailers)
    cdef object settled(self, DeferredResponder responder)
