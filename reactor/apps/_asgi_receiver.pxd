"""The receiving half of an ASGI call: the C face of `_asgi_receiver.pyx`."""

from reactor.apps._tasks cimport TaskBody
from reactor.http._deferred cimport DeferredResponder
from reactor.http._exchange cimport Exchange
from reactor.parser._message cimport Request

cdef object READY       # what a `send` gives that is done

cdef class AsgiReceiver(TaskBody):
    cdef Request request
    cdef AsgiExchange exchange      # None: the application is still in its first step
    cdef object pieces              # of the body that has come, a deque; None: it is not streamed
    cdef Py_ssize_t held            # bytes of them
    cdef bint body_came, body_told, asked
    cdef bint streaming             # the head of the answer is written
    cdef bint complete              # the application has given all of the answer
    cdef dict receivers, senders    # {future: None}, who waits, in order; None: nobody

    cdef object attach(self)
    cdef DeferredResponder responder(self)
    cdef bint is_lost(self) noexcept
    cdef int part(self) except -1
    cdef object next_message(self)
    cdef int ask(self) except -1
    cdef object wait(self, bint for_room)
    cdef int forget(self, object future, bint for_room) except -1
    cdef int wake(self, bint senders) except -1
    cdef object until_room(self)
    cdef object has_room(self)
    cdef int watch_abandoned(self, double seconds) except -1
    cdef double stop_notice(self) except -1

cdef class AsgiExchange(Exchange):
    cdef AsgiReceiver call

    cdef int notify_disconnected(self, double seconds) except -1
