"""Answers that come later: the C face of `_deferred.pyx`."""

from libc.stdint cimport int64_t

from reactor.http._body cimport OutgoingBody
from reactor.http._responder cimport Responder
from reactor.parser._message cimport Response

cdef class DeferredResponder(Responder):
    cdef int respond_later(self, Response response) except -1
    cdef int begin_pushed(self, Response response, bytes data) except -1
    cdef int push(self, bytes data) except -1
    cdef int push_file(self, object file, int64_t offset, int64_t count) except -1
    cdef int end_pushed(self, object trailers) except -1
    cdef OutgoingBody pushed(self)
    cdef int interim(self, int status, object headers) except -1
    cdef int upgrade(self, object protocol, object headers, object name) except -1
    cdef int check_not_begun(self) except -1
    cdef int begin_held(self) except -1
    cdef bint begins_later(self, object response) except -1
    cdef int begin_with(self, bytes first, object response, OutgoingBody out) except -1
    cdef int leave(self) except -1
    cdef bytes take_leftover(self)
