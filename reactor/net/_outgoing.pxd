"""What a connection has still to send: the C face of `_outgoing.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor.parser._buffer cimport ByteBuffer

cdef class FileRegion:
    cdef object file
    cdef int64_t offset, count

cdef class Outgoing:
    cdef readonly int64_t size      # every unsent byte, those of files too
    cdef ByteBuffer gathered        # the bytes that go first
    # What comes behind them: FileRegions and bytearrays; None if nothing does.
    cdef object behind

    cdef int append(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef int append_file(self, object file, int64_t offset, int64_t count) except -1
    cdef int64_t send(self, int fd, int64_t at_most, int64_t file_at_most, bint last) except -1
    cdef int clear(self) except -1
    cdef void free(self) noexcept
    cdef int gather(self, const uint8_t *data, Py_ssize_t size) except -1
    cdef int advance(self) except -1
    cdef int64_t send_bytes(self, int fd, int64_t at_most, bint last) except -1
    cdef int64_t send_file(self, int fd, int64_t at_most) except -1
