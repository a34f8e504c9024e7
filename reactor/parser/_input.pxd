"""What a parser was fed and has not parsed yet: the C face of `_input.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor.parser._buffer cimport ByteBuffer

cdef enum Stage:
    # What the next byte of the buffer belongs to.
    IN_HEAD, IN_LENGTH, IN_CHUNKS, IN_TRAILERS, IN_CLOSE
    AT_END                      # the message is whole; its End was not given yet
    AT_SWITCH                   # what follows is another protocol
    STOPPED                     # from here on nothing that follows is looked at
    BROKEN

cdef class ParserInput:
    cdef Stage stage
    cdef ByteBuffer buffer
    cdef int64_t origin         # how much of the message was consumed before the buffer
    cdef bint ended             # eof() was called
    cdef bint hungry            # the last pull found too few bytes

    # For the floor above, without a Python call: receive straight into the buffer.
    cdef uint8_t *reserve(self, Py_ssize_t size) except NULL
    cdef int received(self, Py_ssize_t size) except -1
    # Or without a copy: the caller keeps `data` as it is until it has called settle().
    cdef int lend(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef int settle(self) except -1

    cdef int make_room(self, Py_ssize_t size) except -1
    cdef int take_in(self, const char *data, Py_ssize_t size) except -1
    cdef void consume(self, Py_ssize_t size)
    cdef bytes take(self, Py_ssize_t size)
    # Of whoever parses it:
    cdef void bytes_lost(self)
