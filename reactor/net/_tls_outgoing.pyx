"""What a TLS connection has still to send: records of what is written, and of what files hold.

CPython enables no partial writes. A write that meets a full socket has encrypted its bytes, and
OpenSSL takes nothing but the same bytes again: another number of them ends the session. So a record
at most is offered, and its size is kept until it has gone: `offered`.

A file is read a record at a time, when all before it has gone or leaves room in its record: a client
that takes nothing costs one record of it, and head and file leave together.
"""

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.errno cimport EINTR, EIO, errno
from libc.stdint cimport int64_t, uint8_t
from posix.types cimport off_t

from reactor._file cimport File
from reactor.net._outgoing cimport FileRegion, Outgoing
from reactor.parser._buffer cimport buffer_data, buffer_reserve, buffer_size

from ssl import SSLWantReadError, SSLWantWriteError

from reactor.errors import TruncatedFileError

cdef extern from *:
    """
    #include <netinet/in.h>
    #include <netinet/tcp.h>
    #include <sys/socket.h>

    static void cork(int fd, int on) {
    #ifdef TCP_CORK
        /* Fails on a Unix socket, which has no segments. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    #endif
    }
    """
    void cork(int fd, int on) nogil
cdef extern from "<unistd.h>" nogil:
    Py_ssize_t pread(int fd, void *data, size_t size, off_t offset)

cdef enum:
    RECORD_BYTES = 16384        # RFC 8446 5.1: no record's data is longer
    # Of a file: four times what a turn may send of bytes, which is 0.2 ms of encryption. Each turn is
    # a call of the selector, and what it sends is corked by itself.
    FILE_TURNS_MAX = 4


cdef class TlsOutgoing(Outgoing):

    cdef int64_t send(self, int fd, int64_t at_most, int64_t file_at_most, bint last) except -1:
        # Without it each record is a segment of its own, and goes the kernel's whole way alone: a file
        # of 1 MiB took 1.5 times nginx's CPU, and 1.03 with it (0062).
        cdef bint corked = self.size > RECORD_BYTES
        if self.behind is not None:
            at_most = min(file_at_most, FILE_TURNS_MAX * at_most)
        if not corked:
            return self.send_records(at_most)
        cork(fd, 1)
        try:
            return self.send_records(at_most)
        finally:
            cork(fd, 0)

    cdef int64_t send_records(self, int64_t at_most) except -1:
        cdef int64_t sent = 0
        cdef Py_ssize_t count
        while self.size and sent < at_most:
            if not self.offered:
                self.fill_record()
            count = self.offered or min(buffer_size(&self.gathered), <Py_ssize_t>RECORD_BYTES)
            if not self.send_record(count):
                break
            sent += count
        return sent

    cdef int fill_record(self) except -1:
        """Bring what is behind the bytes into the record that they leave room in.

        Raises TruncatedFileError when all that was before it is with the kernel.
        """
        while self.behind is not None and buffer_size(&self.gathered) < RECORD_BYTES:
            if isinstance(self.behind[0], bytearray):
                self.advance()
            elif self.read_file(<FileRegion>self.behind[0]) == 0:
                break
        return 0

    cdef Py_ssize_t read_file(self, FileRegion region) except -1:
        cdef object file = region.file
        cdef int source = (<File>file).descriptor if type(file) is File else file.fileno()
        cdef Py_ssize_t count, unsent = buffer_size(&self.gathered)
        cdef off_t position = region.offset
        count = min(region.count, <int64_t>(RECORD_BYTES - unsent))
        cdef uint8_t *target = buffer_reserve(&self.gathered, count)
        # A disk may be slow: other threads go on meanwhile.
        with nogil:
            count = pread(source, target, count, position)
        if count <= 0:
            if count < 0 and errno == EINTR or unsent:
                return 0  # what was read before it is sent first
            raise TruncatedFileError(
                EIO, "the file cannot be read on" if count else "the file became shorter while it was sent")
        self.gathered.end += count
        region.offset += count
        region.count -= count
        if not region.count:
            self.advance()
        return count

    cdef bint send_record(self, Py_ssize_t count) except -1:
        """False if the kernel is full: then the same bytes have to be offered again."""
        if not count:
            return False
        self.wants_read = False
        try:
            self.ssl.write(PyMemoryView_FromMemory(
                <char *>buffer_data(&self.gathered), count, PyBUF_READ))
        except SSLWantWriteError:
            self.offered = count
            return False
        except SSLWantReadError:
            self.offered = count
            self.wants_read = True
            return False
        self.offered = 0
        self.gathered.start += count
        self.size -= count
        if not buffer_size(&self.gathered):
            if self.behind is None:
                self.free()
            else:
                self.gathered.start = self.gathered.end = 0
        return True
