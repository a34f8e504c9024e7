"""Is the answer the right one: the C face of `_answers.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor.parser._bounds cimport Bounds
from reactor.parser._lines cimport FAILED, ScanResult
from reactor.parser._framing cimport ResponseParser

cdef class Target:
    cdef readonly tuple requests        # asked in turn, whichever connection asks
    cdef readonly str method, url
    cdef readonly int status
    cdef readonly object body           # None: not compared
    cdef readonly int64_t length        # -1: not compared
    cdef readonly bint learning         # the first answer's body is to be the expected one
    cdef Py_ssize_t next                # of the requests
    cdef const uint8_t *body_data       # NULL: not compared
    cdef readonly bytes opening         # opens a WebSocket; None: the requests are HTTP's
    cdef bytes accept                   # what the head of the answer to it has
    cdef bint plain                     # a body that Content-Length frames is allowed

    cdef bytes next_request(self)
    cdef int expect(self, bytes body) except -1

cdef class AnswerCheck:
    cdef Bounds bounds
    cdef Target target                  # None between answers
    cdef int64_t offset, remaining      # of the body
    cdef ResponseParser parser          # None until an answer is not plain
    cdef bint parsing                   # the parser has the answer under way
    cdef list pieces                    # of a body that may be learnt; else None
    cdef int interim
    cdef bytes opened                   # of the answer that opens a WebSocket
    cdef bint stays_open
    cdef readonly str fault

    cdef int reset(self) except -1
    cdef ScanResult take(self, Target target, const uint8_t **data, Py_ssize_t *size) except? FAILED
    cdef ScanResult take_opening(self, Target target, const uint8_t **data,
                                 Py_ssize_t *size) except? FAILED
    cdef ScanResult at_end(self) except? FAILED
    cdef ScanResult take_head(self, const uint8_t **data, Py_ssize_t *size) except? FAILED
    cdef ScanResult take_body(self, const uint8_t **data, Py_ssize_t *size) except? FAILED
    cdef ScanResult compare(self, const uint8_t *data, Py_ssize_t size) except? FAILED
    cdef int begin_parsing(self) except -1
    cdef ScanResult parse(self, const uint8_t **data, Py_ssize_t *size) except? FAILED
    cdef ScanResult pull(self) except? FAILED
    cdef ScanResult take_event(self, object event) except? FAILED
    cdef ScanResult take_piece(self, bytes piece) except? FAILED
    cdef ScanResult done(self) except? FAILED
    cdef ScanResult wrong(self, str fault) except? FAILED
