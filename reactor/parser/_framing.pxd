"""The parsers of whole messages: the C face of `_framing.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor.parser._bounds cimport Bounds
from reactor.parser._lines cimport Head, ScanResult
from reactor.parser._headers cimport Headers
from reactor.parser._message cimport Message, Request, Response
from reactor.parser._rules cimport Rule
from reactor.parser._buffer cimport Buffer
from reactor.parser._chunked cimport Chunked

cdef enum Stage:
    # What the next byte of the buffer belongs to.
    IN_HEAD, IN_LENGTH, IN_CHUNKS, IN_TRAILERS, IN_CLOSE
    AT_END                      # the message is whole; its End was not given yet
    AT_SWITCH                   # what follows is another protocol
    STOPPED                     # from here on nothing that follows is looked at
    BROKEN

cdef class MessageParser:
    cdef Stage stage, after     # after: the stage that follows this message
    cdef Buffer buffer
    cdef Bounds bounds
    cdef Head head
    cdef Chunked chunks
    cdef int64_t origin         # how much of the message was consumed before the buffer
    cdef int64_t remaining      # of a body with a length
    cdef bint response, lenient
    cdef bint ended             # eof() was called
    cdef bint hungry            # the last pull found too few bytes
    cdef Rule rule
    cdef int64_t fault
    cdef bytes held             # data that belongs before what `stage` says
    cdef Headers trailers
    cdef object method          # of the request that the next response answers
    cdef list methods           # of those after it; None: nobody said

    # For the floor above, without a Python call: receive straight into the buffer.
    cdef uint8_t *reserve(self, Py_ssize_t size) except NULL
    cdef int received(self, Py_ssize_t size) except -1
    # Or without a copy: the caller keeps `data` as it is until it has called settle().
    cdef int lend(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef int settle(self) except -1
    cdef object pull(self)
    # For who uses a parser for one connection after another.
    cdef bint is_fresh(self) noexcept
    cdef void renew(self)

    cdef int look_ahead(self) except -1
    cdef int make_room(self, Py_ssize_t size) except -1
    cdef int take_in(self, const char *data, Py_ssize_t size) except -1
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
    cdef void consume(self, Py_ssize_t size)
    cdef bytes take(self, Py_ssize_t size)

cdef class RequestParser(MessageParser):
    pass

cdef class ResponseParser(MessageParser):
    pass
