"""What a transport on a socket knows: the socket, its peer, its protocol, and how much is too much.

The part of asyncio's Transport that no request of an HTTP machine calls: what is Python's face of
a C method, the facts, and the buffers of BufferedProtocol. How bytes come and go is `Connection`'s,
which is made of this.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memcpy

from reactor._protocol cimport is_python
from reactor.net._socket cimport unacknowledged

import socket

from reactor._protocol import seconds_checked, write_buffer_marks


cdef class Endpoint(Transport):

    # The C methods below have Python's faces here, and a Transport's call those: who is only an
    # Endpoint would go round in circles.

    cdef int send(self, const uint8_t *data, Py_ssize_t size) except -1:
        raise NotImplementedError

    cdef int want_reading(self, bint wanted) except -1:
        raise NotImplementedError

    cdef int expire_in(self, double seconds) except -1:
        raise NotImplementedError

    cdef bint is_open(self) noexcept:
        return False

    cdef int marks_changed(self) except -1:
        return 0

    def get_extra_info(self, name, default=None):
        cdef int queued
        if name == "peername":
            return self.peer
        if self.is_open() and name in ("socket", "sockname"):
            if self.sock is None:
                self.sock = socket.socket(fileno=self.fd)
                self.owns_fd = False
            return self.sock if name == "socket" else self.sock.getsockname()
        if self.is_open() and name == "unacknowledged":
            queued = unacknowledged(self.fd)
            return default if queued < 0 else queued
        return default

    def get_protocol(self):
        return self.protocol

    cpdef set_protocol(self, protocol):
        self.protocol = protocol
        self.compiled = protocol if isinstance(protocol, Protocol) else None
        self.prompt = is_python(protocol)
        self.buffered = self.compiled is None and hasattr(protocol, "buffer_updated")

    def set_write_buffer_limits(self, high=None, low=None):
        self.low, self.high = write_buffer_marks(high, low, self.high_usual)
        self.marks_changed()

    def get_write_buffer_limits(self):
        return self.low, self.high

    def write(self, data):
        # Not a memoryview: its code in C would double this module.
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if view.len:
                self.send(<const uint8_t *>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    def pause_reading(self):
        self.want_reading(False)

    def resume_reading(self):
        self.want_reading(True)

    def set_deadline(self, seconds):
        self.expire_in(-1 if seconds is None else seconds_checked(seconds))

    # --- asyncio.BufferedProtocol ---------------------------------------------------------
    #
    # It is asked for a buffer before something is received, and no more is received than that
    # holds: what a protocol has no room for stays in the kernel, and the peer is held up.

    cdef Py_ssize_t take_buffer(self, Py_ssize_t at_most) except -1:
        """Ask the protocol where to put what comes next; how much it wants of ``at_most``, 0 if it
        has ended the connection instead."""
        cdef Py_buffer view
        cdef Py_ssize_t size
        self.buffer = self.protocol.get_buffer(-1)
        PyObject_GetBuffer(self.buffer, &view, PyBUF_WRITABLE)
        size = view.len
        PyBuffer_Release(&view)
        if size == 0:
            raise RuntimeError("get_buffer() returned an empty buffer")
        return 0 if self.is_closing() else min(size, at_most)

    cdef int fill_buffer(self, const uint8_t *data, Py_ssize_t size) except -1:
        """Give the protocol what was received for the buffer that it was asked for."""
        cdef Py_buffer view
        buffer, self.buffer = self.buffer, None
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        if view.len < size:
            PyBuffer_Release(&view)
            raise BufferError("the buffer became smaller while it was waited for")
        memcpy(view.buf, data, size)
        PyBuffer_Release(&view)
        self.protocol.buffer_updated(size)
        return 0
