"""The parsers of whole messages: the C face of `_framing.pyx`."""

from libc.stdint cimport int64_t

from reactor.parser._bounds cimport Bounds
from reactor.parser._input cimport ParserInput, Stage
from reactor.parser._lines cimport Head, ScanResult
from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Message, Request, Response
from reactor.parser._rules cimport Rule
from reactor.parser._chunked cimport Chunked

cdef class MessageParser(ParserInput):
    cdef Stage after            # that which follows this message
    cdef Bounds bounds
    cdef Head head
    cdef Chunked chunks
    cdef int64_t remaining      # of a body with a length
    cdef bint response, lenient
    cdef Rule rule
    cdef int64_t fault
    cdef bytes held             # data that belongs before what `stage` says
    cdef Headers trailers
    cdef bytes refused_line     # the first one of a head that broke a rule; None
    cdef object method          # of the request that the next response answers
    cdef list methods           # of those after it; None: nobody said

    cdef object pull(self)
    cdef bytes first_line(self)
    # For who uses a parser for one connection after another.
    cdef bint is_fresh(self) noexcept
    cdef void renew(self)

    cdef int look_ahead(self) except -1
    cdef object pull_event(self)
    cdef object pull_head(self)
    cdef bytes pull_data(self)
    cdef object starve(self)
    cdef void frame_request(self, Request message)
    cdef void frame_response(self, Response message)
    cdef int start_body(self, Message message) except -1
    cdef bytes decode(self)
    cdef bytes decode_chunks(self)
    cdef int scan_trailers(self) except -1
    cdef void begin(self)
    cdef void end_message(self)
    cdef object finish(self)
    cdef void stop(self, Stage stage)
    cdef void break_off(self, Rule rule, int64_t fault)
    cdef int at_end_of_input(self) except -1

cdef class RequestParser(MessageParser):
    pass

cdef class ResponseParser(MessageParser):
    pass
