"""A connection over TLS: the C face of `_tls_connection.pyx`."""

from libc.stdint cimport int64_t

from reactor.loop._core cimport Loop
from reactor.net._connection cimport Connection
from reactor.net._listener cimport ConnectionKind

# One for all TLS connections of a server: its context may be exchanged while it serves.
cdef class ServerTls(ConnectionKind):
    cdef public object context
    cdef readonly int64_t handshakes, failures
    cdef double timeout         # of a handshake, in seconds
    cdef int per_turn, left     # handshakes that a turn may advance; that this one may still
    cdef bytes protocols        # for ALPN, as on the wire; None: any, or it is OpenSSL's matter

    cdef bint may_shake(self, Loop loop) except -1
    cdef int failed(self, object peer, object error) except -1

cdef class TlsConnection(Connection):
    cdef ServerTls tls
    cdef object ssl             # OpenSSL's connection; None: there is none, its bytes are plain
    cdef double grace           # of a stop that came during the handshake; below zero: none did
    cdef bint shaking           # the handshake is not over, and there is no protocol yet
    cdef int awaited            # bytes of the first message that are waited for
    cdef bint peeked            # the first message was looked at
    cdef bint read_wants_write  # OpenSSL must write before it can go on reading
    cdef bint notify_waits      # there was no room for close_notify

    cdef int wrap(self) except -1
    cdef int shake(self) except -1
    cdef bint is_answered(self) except -1
    cdef bint waits_for(self, Py_ssize_t size) except -1
    cdef int refuse(self, bytes words, object error) except -1
    cdef int handshake_failed(self, object error) except -1
    cdef int say_failed(self, object error) except -1
    cdef int handshake_done(self) except -1
    cdef int read_held(self) except -1
