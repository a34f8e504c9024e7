"""What all machines of a server share: the C face of `_context.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor._protocol cimport Transport
from reactor.http._collecting cimport BodyStore
from reactor.http._counting cimport AnswerCounts
from reactor.http._edge cimport Edge
from reactor.parser._framing cimport RequestParser
from reactor.parser._message cimport Request, Response
from reactor.process._page cimport Slot

cdef class Dates:
    # What the Date field says. A machine reads no clock: it is given one of these, or a callable.
    cdef object made_by

    cdef bytes line(self)

cdef class ServerContext:
    cdef readonly object app, limits, journal
    cdef Dates dates
    cdef readonly Edge edge     # what is believed of a request, and for which hosts; None: all
    cdef const uint8_t *known_host  # there is nothing to judge of a request for it; NULL: of none
    cdef Py_ssize_t known_size
    cdef object respond_to
    cdef int requests_per_turn
    cdef int64_t high_water
    cdef double silent_timeout, keep_alive_timeout, silent_grace
    cdef bint wants_answers, logs_answers, streams_bodies
    cdef public Slot slot       # where requests are counted; None: nowhere
    cdef AnswerCounts counts    # and what is known of their answers
    cdef int64_t *counted       # their values; NULL: nothing is counted
    cdef readonly BodyStore bodies
    cdef str retry_after
    cdef object error_fields   # the application's, of an answer that is the machine's
    cdef readonly bint draining # answers that begin are the last of their connections
    cdef bint finishing         # and nobody new comes; a next request is waited for idle_grace
    cdef bint streams_end       # event streams are to end
    cdef double idle_grace
    cdef list spare             # parsers that nobody parses with now, the first spare_count
    cdef int spare_count
    cdef public object websockets       # what the WebSockets of this server share; None: none was opened
    cdef public object websocket_options    # how they are opened; None: as by default

    cdef bint is_silent(self, Transport transport) except -1
    cdef int judge(self, Request request) except -1
    cdef Response error(self, int status, str message)
    cdef RequestParser lend_parser(self)
    cdef int take_back(self, RequestParser parser) except -1
