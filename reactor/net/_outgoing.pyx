"""What a connection has still to send: bytes and regions of files, in order.

Small writes are gathered in one buffer, so that the answers to pipelined requests, and the
head and body of each, leave in one system call. The buffer is freed when it is empty: an idle
connection holds none.
"""

cimport cython
from cpython.exc cimport PyErr_SetFromErrno
from cpython.mem cimport PyMem_Malloc
from libc.errno cimport EAGAIN, EINTR, EIO, errno
from posix.types cimport off_t

from collections import deque

from reactor._file cimport File
from reactor.parser._buffer cimport buffer_data, buffer_free, buffer_put, buffer_size

import os

from reactor.errors import TruncatedFileError

cdef extern from *:
    """
    #include <errno.h>
    #include <sys/socket.h>
    #ifndef MSG_MORE
    #define MSG_MORE 0
    #endif
    #ifdef __linux__
    #include <sys/sendfile.h>
    #define reactor_sendfile sendfile
    #define REACTOR_HAS_SENDFILE 1
    #else
    /* Other systems have one with other arguments; os.sendfile knows them. */
    #define reactor_sendfile(to, from, offset, count) (errno = ENOSYS, (Py_ssize_t)-1)
    #define REACTOR_HAS_SENDFILE 0
    #endif
    """
    const bint REACTOR_HAS_SENDFILE
    const int MSG_NOSIGNAL, MSG_MORE
    Py_ssize_t c_send "send"(int fd, const void *data, size_t size, int flags) nogil
    Py_ssize_t reactor_sendfile(int to, int source, off_t *offset, size_t count) nogil

cdef enum:
    CAPACITY_FIRST = 4096   # most answers, head and body

# The last small buffer that was emptied, for the next connection that writes: most answers leave
# in the turn that they are written in, so one serves them all.
cdef uint8_t *spare = NULL


cdef uint8_t *first_buffer() except NULL:
    global spare
    cdef uint8_t *base = spare
    if base == NULL:
        base = <uint8_t *>PyMem_Malloc(CAPACITY_FIRST)
        if base == NULL:
            raise MemoryError()
    spare = NULL
    return base


cdef void drop_buffer(ByteBuffer *buffer) noexcept:
    global spare
    if spare == NULL and buffer.capacity == CAPACITY_FIRST:
        spare = buffer.base
        buffer.base = NULL
    buffer_free(buffer)


cdef int64_t sendfile(int fd, object file, int64_t offset, int64_t count) except -2:
    """How many bytes the kernel took, 0 at the end of the file, -1 if it takes none now."""
    cdef int source = (<File>file).descriptor if type(file) is File else file.fileno()
    cdef off_t position = offset
    cdef Py_ssize_t sent
    if not REACTOR_HAS_SENDFILE:
        try:
            return os.sendfile(fd, source, offset, count)
        except BlockingIOError:
            return -1
    # A disk may be slow: other threads go on meanwhile.
    with nogil:
        sent = reactor_sendfile(fd, source, &position, count)
    if sent < 0 and errno != EAGAIN and errno != EINTR:
        PyErr_SetFromErrno(OSError)
    return sent


cdef class FileRegion:
    """``count`` bytes of a file; owns the file."""


@cython.freelist(16)
cdef class Outgoing:
    """A queue of unsent bytes; ``size`` counts them all."""

    def __dealloc__(self):
        self.free()

    cdef void free(self) noexcept:
        if self.gathered.base != NULL:
            drop_buffer(&self.gathered)

    cdef int append(self, const uint8_t *data, Py_ssize_t size) except -1:
        if self.behind is not None:
            last = self.behind[len(self.behind) - 1]
            if not isinstance(last, bytearray):
                last = bytearray()
                self.behind.append(last)
            last += data[:size]
        else:
            self.gather(data, size)
        self.size += size
        return 0

    cdef int append_file(self, object file, int64_t offset, int64_t count) except -1:
        cdef FileRegion region = FileRegion.__new__(FileRegion)
        region.file = file
        region.offset = offset
        region.count = count
        if self.behind is None:
            self.behind = deque()
        self.behind.append(region)
        self.size += count
        return 0

    cdef int64_t send(self, int fd, int64_t at_most, int64_t file_at_most, bint last) except -1:
        """Give the kernel bytes up to ``at_most``, and up to ``file_at_most`` that are a file's,
        or as many as it takes; how many it took. ``last``: our end follows at once.

        Raises TruncatedFileError: a file cannot be sent whole; OSError: the connection is broken.
        """
        cdef int64_t sent = 0
        # Counted apart: if the head before it were in it, a file of just the bound would leave
        # a few hundred bytes for a turn of their own.
        cdef int64_t sent_of_file = 0
        cdef int64_t offered, taken
        while self.size and (sent < at_most if buffer_size(&self.gathered)
                             else sent_of_file < file_at_most):
            if buffer_size(&self.gathered):
                offered = min(<int64_t>buffer_size(&self.gathered), at_most - sent)
                taken = self.send_bytes(fd, offered, last)
            elif isinstance(self.behind[0], bytearray):
                self.advance()
                continue
            else:
                offered = min((<FileRegion>self.behind[0]).count, file_at_most - sent_of_file)
                taken = self.send_file(fd, offered)
                sent_of_file += taken
            sent += taken
            self.size -= taken
            if taken < offered:
                break       # the kernel is full: asking again would only cost a system call
        return sent

    cdef int64_t send_bytes(self, int fd, int64_t count, bint last) except -1:
        # The last bytes leave in one segment with our end: a segment less is work of the kernel's
        # on both sides. A head that waits for the file behind it costs more than it saves.
        cdef bint more = last and count == buffer_size(&self.gathered)
        cdef int flags = MSG_NOSIGNAL | MSG_MORE if more else MSG_NOSIGNAL
        cdef Py_ssize_t sent = c_send(fd, buffer_data(&self.gathered), count, flags)
        if sent < 0:
            if errno == EAGAIN or errno == EINTR:
                return 0
            PyErr_SetFromErrno(OSError)
        self.gathered.start += sent
        if not buffer_size(&self.gathered):
            self.free()
        return sent

    cdef int64_t send_file(self, int fd, int64_t count) except -1:
        cdef FileRegion region = self.behind[0]
        cdef int64_t sent
        try:
            sent = sendfile(fd, region.file, region.offset, count)
        except OSError as error:
            if error.errno == EIO:  # no network says that: it is the disk
                raise TruncatedFileError(EIO, "the file cannot be read on") from error
            raise
        if sent < 0:
            return 0
        if sent == 0:
            raise TruncatedFileError(EIO, "the file became shorter while it was sent")
        region.offset += sent
        region.count -= sent
        if not region.count:
            self.advance()
        return sent

    cdef int advance(self) except -1:
        """Take the first thing that is behind the bytes."""
        first = self.behind.popleft()
        if not self.behind:
            self.behind = None
        if isinstance(first, FileRegion):
            (<FileRegion>first).file.close()
        else:
            self.gather(<const uint8_t *><const char *><bytearray>first, len(first))
        return 0

    cdef int clear(self) except -1:
        """Drop everything and close the files."""
        self.free()
        self.size = 0
        behind, self.behind = self.behind, None
        for item in behind or ():
            if isinstance(item, FileRegion):
                (<FileRegion>item).file.close()
        return 0

    cdef int gather(self, const uint8_t *data, Py_ssize_t size) except -1:
        if self.gathered.base == NULL:
            self.gathered.base = first_buffer()
            self.gathered.capacity = CAPACITY_FIRST
        return buffer_put(&self.gathered, data, size)
