"""What a WebSocket sends: the C face of `_websocket_sending.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from reactor._protocol cimport Protocol, Transport
from reactor.http._collecting cimport BodyRoom

cdef class InflateTurns
cdef class WebSocketSender

cdef class WebSocketContext:
    """What all WebSockets of a server share, or those of a client."""
    cdef readonly object limits, journal
    cdef BodyRoom memory      # counts messages that come in parts; None: a client's count alone
    cdef readonly bint is_client
    cdef double ping_interval, ping_timeout, last_look, close_timeout
    cdef double least_taken     # bytes in a ping_timeout: less is nothing
    cdef int messages_per_turn
    cdef Py_ssize_t deflate_bytes_min
    cdef int64_t message_bytes_max, unsent_bytes_max
    cdef public int deflating   # open ones that have negotiated permessage-deflate
    cdef readonly InflateTurns turns

cdef class InflateTurns:
    """Who may inflate in this turn of the loop, and how much."""
    cdef double turn            # when it began
    cdef int64_t each, half     # bytes of a connection, and of all that have read something
    cdef int64_t left           # of `half`
    cdef int taken              # connections that go on in the next turn: at most `most`
    cdef int most
    cdef list waiting           # others, in the order in which they have stopped

    cdef int begin(self, double turn) except -1
    cdef int wait(self, WebSocketSender sender) except -1
    cdef int leave(self, WebSocketSender sender) except -1
    cdef int give(self) except -1

cdef enum Stage:
    # CLOSING: our Close is sent, and the peer's is waited for.
    NOT_OPEN, OPEN, CLOSING, CLOSED

cdef class WebSocketSender(Protocol):
    cdef WebSocketContext context
    cdef Transport transport
    cdef object deflater        # None: not negotiated
    cdef Stage stage
    cdef bint full              # the peer does not take what is written
    cdef bint has_turn          # it goes on inflating in the next turn of the loop

    cdef int send_message(self, object data) except -1
    cdef int send_deflated(self, int opcode, object data) except -1
    cdef int put(self, int first, const uint8_t *data, Py_ssize_t size) except -1
    cdef int put_close(self, int code, str reason) except -1
    cdef int drop(self, object error) except -1
