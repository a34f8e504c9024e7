"""A connection over TLS: `Connection`, and its three calls by OpenSSL on the same socket.

    recv      ssl.read into the loop's scratch buffer          one record
    send      ssl.write of at most one record                  TlsOutgoing
    sendfile  a record's worth of the file, read, then sent    TlsOutgoing

All else (backpressure, deadlines, drain, shedding, lingering) is `Connection`'s. The protocol is
made when the handshake is done: until then there is none, and nobody is told of a failure but the
log, at its debug level.

What a non-blocking OpenSSL demands, and a plain socket does not:

* A record that was read is decrypted whole. What did not fit into the reader's buffer is held by
  OpenSSL, and no selector tells of it: `read_held`.
* Reading may have to write first, and writing to read.
* The end is signed: close_notify goes before FIN, so that the peer can tell an end from a line
  that was cut (RFC 8446 6.1). What is incomplete, or broke, ends without it.

Must never know: where certificates come from, or what the bytes mean.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.math cimport INFINITY
from libc.stdint cimport uint8_t

from reactor.loop._core cimport Loop
from reactor.net._connection cimport Connection
from reactor.net._client_hello cimport alert_for, gather
from reactor.net._listener cimport ConnectionKind
from reactor.net._outgoing cimport Outgoing
from reactor.net._timed cimport CLOSED, FLUSHING, LINGERING, OPEN
from reactor.net._tls_outgoing cimport TlsOutgoing
from reactor.parser._arrival cimport Arrival
from reactor.process._page cimport HANDSHAKES, HANDSHAKES_FAILED, HANDSHAKES_RESUMED, count

import logging
import socket
import ssl
from ssl import SSLEOFError, SSLWantReadError, SSLWantWriteError

from reactor.limits import DEFAULT_LIMITS
from reactor.log import log
from reactor.net.tls_info import TlsInfo
from reactor.net.tls_words import reason_of

cdef extern from "<sys/socket.h>" nogil:
    Py_ssize_t peek_at "recv"(int fd, void *data, size_t size, int flags)
    const int MSG_PEEK

# What a client gets that speaks HTTP in plain text to a port that speaks TLS.
cdef bytes SPEAKS_TLS_TEXT = b"This port speaks TLS: use https:// instead of http://\n"
cdef bytes SPEAKS_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(SPEAKS_TLS_TEXT), SPEAKS_TLS_TEXT))

# A fatal alert but for its number (RFC 8446 6).
cdef bytes ALERT = bytes([21, 3, 3, 0, 2, 2])
cdef dict REFUSALS = {
    40: "the client agrees on keys in a finite field, which is too dear here",
    112: "the client asks for a host by a name that is not ASCII",
    120: "the client offers protocols, and none that is spoken here (ALPN)",
}
# A record's most, with its header (RFC 8446 5.1). A ClientHello is a tenth of it.
cdef enum:
    HELLO_BYTES_MAX = 5 + 16384


cdef class ServerTls(ConnectionKind):

    def __init__(self, context, limits=DEFAULT_LIMITS, tuple alpn not None=()):
        self.context = context
        self.protocols = None
        if alpn:
            self.protocols = b"".join([bytes([len(name)]) + name.encode() for name in alpn])
        self.timeout = limits.tls_handshake_timeout_s
        self.per_turn = self.left = limits.tls_handshakes_per_turn_max

    cdef Connection new(self):
        cdef TlsConnection connection = TlsConnection.__new__(TlsConnection)
        connection.tls = self
        connection.shaking = True
        connection.outgoing = TlsOutgoing.__new__(TlsOutgoing)
        return connection

    cdef bint may_shake(self, Loop loop) except -1:
        """Whether this turn may do one more step of a handshake: each takes as long as a hundred
        requests, and all who have asked before wait meanwhile."""
        if self.left == self.per_turn:
            loop.call_soon(self._turn_over)
        if self.left == 0:
            return False  # the selector tells of it again in the next turn
        self.left -= 1
        return True

    def _turn_over(self):
        self.left = self.per_turn

    cdef int failed(self, object peer, object error) except -1:
        self.failures += 1
        log(logging.DEBUG, "no TLS with %s: %s", peer or "a peer", reason_of(error))
        return 0


cdef class TlsConnection(Connection):

    def __cinit__(self):
        self.grace = -1

    # --- the handshake --------------------------------------------------------------------

    cdef int notify_made(self) except -1:
        """Accepted. The protocol is made, and told, when the handshake is done."""
        if self.tls is None:
            return Connection.notify_made(self)  # no listener has made it, so it is plain
        try:
            self.wrap()
        except OSError as error:
            self.say_failed(error)  # the client has gone already
            return self.close_now(error)
        return self.set_deadline_at(self.loop.time_now() + self.tls.timeout)

    cdef int wrap(self) except -1:
        # At once, before anything is read: what came in plain text before TLS began must never be
        # taken for what came by it (CVE-2023-40217).
        sock = socket.socket(fileno=self.fd)
        self.owns_fd = False
        self.sock = sock
        sock.setblocking(False)
        sock.getpeername()  # or `ssl` would find out, and lose the socket
        self.sock = self.tls.context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        # The object of SSLSocket's that OpenSSL is in: SSLSocket's own methods ask a few questions
        # more, at each call.
        self.ssl = self.sock._sslobj
        if self.ssl is None:
            raise ConnectionResetError("the client has gone")
        (<TlsOutgoing>self.outgoing).ssl = self.ssl
        return 0

    cdef int shake(self) except -1:
        if not self.peeked and self.is_answered():
            return 0
        if not self.tls.may_shake(self.loop):
            return 0
        try:
            self.ssl.do_handshake()
        except SSLWantReadError:
            self.reading = True
            return self.want(False)
        except SSLWantWriteError:
            self.reading = False
            return self.want(True)
        except (OSError, ssl.CertificateError) as error:
            return self.handshake_failed(error)
        self.reading = True
        self.want(False)
        return self.handshake_done()

    cdef bint is_answered(self) except -1:
        """Whether the first bytes are not for OpenSSL: who cannot be served is refused, and what is
        not here as a whole comes again."""
        cdef uint8_t *data = <uint8_t *>self.owner.scratch
        cdef Py_ssize_t size = peek_at(
            self.fd, data, min(self.owner.scratch_size, HELLO_BYTES_MAX), MSG_PEEK)
        cdef Py_ssize_t whole, message
        cdef int alert
        if size <= 0:
            return False  # OpenSSL will say why
        if c'A' <= data[0] <= c'Z':  # a method's first byte, which no TLS record begins with
            self.refuse(SPEAKS_TLS, None)
            return True
        whole = gather(data, size, &message)
        if size < whole and self.waits_for(whole):
            return True
        self.peeked = True
        if self.awaited:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        alert = alert_for(data, message, self.tls.protocols)
        if alert:
            self.refuse(ALERT + bytes([alert]), ConnectionError(REFUSALS[alert]))
        return alert != 0

    cdef bint waits_for(self, Py_ssize_t size) except -1:
        """Whether this event comes again when so many bytes are there, or the client's end; not if
        that has been waited for, and the kernel thinks that there will not be more."""
        if size <= self.awaited or size > HELLO_BYTES_MAX or self.sock.family == socket.AF_UNIX:
            return False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
        self.awaited = size
        return True

    cdef int refuse(self, bytes words, object error) except -1:
        """Say what it takes, in plain words that the client understands."""
        self.say_failed(error)
        self.shaking = False
        self.ssl = None
        self.outgoing = Outgoing.__new__(Outgoing)
        self.outgoing.append(<const uint8_t *>PyBytes_AS_STRING(words), len(words))
        self.close()
        return 0

    cdef int handshake_failed(self, object error) except -1:
        self.say_failed(error)
        self.shaking = False
        # Its alert, which says why, is sent already; lingering lets it arrive.
        self.error = error
        self.close()
        return 0

    cdef int say_failed(self, object error) except -1:
        count(self.owner.slot, HANDSHAKES_FAILED, 1)
        self.tls.failed(self.peer, error)
        return 0

    cdef int handshake_done(self) except -1:
        peer = None if self.arrival is None else (<Arrival>self.arrival).peer
        self.arrival = Arrival(
            "https", None, peer, TlsInfo(self.sock), getattr(self.sock, "certified_hosts", None))
        self.tls.handshakes += 1
        count(self.owner.slot, HANDSHAKES, 1)
        if self.sock.session_reused:
            count(self.owner.slot, HANDSHAKES_RESUMED, 1)
        self.shaking = False
        self.set_deadline_at(INFINITY)
        protocol = self.owner.made()
        if protocol is None:
            self.close()
            return 0
        self.set_protocol(protocol)
        Connection.notify_made(self)
        if self.grace >= 0:
            self.finish(self.grace)
        return 0

    cdef int give_way(self) except -1:
        if self.shaking:
            self.say_failed(ConnectionError("it was too slow, and others waited for its place"))
        return Connection.give_way(self)

    cdef int deadline_over(self) except -1:
        if not self.shaking:
            return Connection.deadline_over(self)
        error = TimeoutError("the handshake took too long")
        self.say_failed(error)
        return self.close_now(error)

    # --- events of the loop ---------------------------------------------------------------

    cdef int readable(self) except -1:
        if self.shaking:
            return self.shake()
        if self.ssl is not None and (<TlsOutgoing>self.outgoing).wants_read:
            self.flush()
        Connection.readable(self)
        return self.read_held()

    cdef int writable(self) except -1:
        if self.shaking:
            return self.shake()
        if self.read_wants_write:
            self.read_wants_write = False
            if self.reading:
                return self.readable()
        return Connection.writable(self)

    cdef Py_ssize_t recv(self, Py_ssize_t size) except -2:
        if self.ssl is None or self.state == LINGERING:
            return Connection.recv(self, size)  # what is encrypted is dropped as it is
        try:
            return self.ssl.read(size, self.loop.scratch)
        except SSLWantReadError:
            pass
        except SSLWantWriteError:
            self.read_wants_write = True
        except SSLEOFError as error:
            # An end that nobody has signed. HTTP says itself where a request ends; a user's
            # protocol may not, so for that it is no end.
            if not self.prompt:
                return 0
            self.close_now(error)
        except OSError as error:
            self.close_now(error)
        return -1

    cdef int read_held(self) except -1:
        """Of what OpenSSL holds no selector tells."""
        if self.ssl is not None and self.reading and self.state == OPEN and self.ssl.pending():
            self.loop.call_soon(self._call, self._read_on)
        return 0

    def _read_on(self):
        if self.state == OPEN and self.reading and self.ssl.pending():
            self.readable()

    cdef int reading_changed(self) except -1:
        self.read_held()
        return Connection.reading_changed(self)

    cdef int want(self, bint write) except -1:
        cdef bint reading = self.reading
        if self.state != CLOSED and self.ssl is not None and (<TlsOutgoing>self.outgoing).wants_read:
            # To be told that there is room would be of no use, and for ever.
            self.reading = True
            try:
                return Connection.want(self, False)
            finally:
                self.reading = reading
        return Connection.want(self, write or self.read_wants_write or self.notify_waits)

    # --- the end --------------------------------------------------------------------------

    cdef int all_sent(self) except -1:
        if self.state == FLUSHING:
            self.send_eof()
            # Whoever makes room for another, and takes nothing, is not waited for.
            if self.notify_waits and self.lingers:
                return self.watch_for_stall(False, True)
        return Connection.all_sent(self)

    cdef int send_eof(self) except -1:
        if self.ssl is not None and self.error is None and not self.eof_sent:
            self.notify_waits = False
            try:
                self.ssl.shutdown()
            except SSLWantWriteError:
                self.notify_waits = True
                return 0
            except OSError:
                pass  # the peer's close_notify is not waited for; or the line is broken
        return Connection.send_eof(self)

    def finish(self, double grace_s=0):
        self.check_made()
        if not self.shaking:
            super().finish(grace_s)
            return
        self.grace = grace_s
        self.set_deadline_at(min(self.deadline, self.loop.time_now() + grace_s))

    @property
    def idle(self):
        if self.shaking:
            return self.state == OPEN and self.waited() >= self.owner.silent_grace
        return super().idle

    @property
    def under_way(self):
        return not self.shaking and super().under_way

    # --- Transport ------------------------------------------------------------------------

    def write_eof(self):
        raise NotImplementedError("TLS has no half-close that peers understand")

    def can_write_eof(self):
        return False

    def has_input(self):
        return super().has_input() or self.state == OPEN and self.ssl is not None and self.ssl.pending() > 0

    def get_extra_info(self, name, default=None):
        if self.ssl is None or self.shaking:
            return super().get_extra_info(name, default)
        if name == "ssl_object":
            return self.sock
        if name == "peercert":
            return self.sock.getpeercert()
        if name == "cipher":
            return self.sock.cipher()
        return super().get_extra_info(name, default)
