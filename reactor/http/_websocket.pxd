"""A WebSocket and its machine: the C face of `_websocket.pyx`."""

from libc.stdint cimport int64_t

from reactor.http._websocket_sending cimport WebSocketContext, WebSocketSender
from reactor.parser._frames cimport FrameReader

cdef enum Wait:
    # What the transport's deadline stands for. LAST_LOOK: see `deadline_expired`.
    FOR_NOTHING, FOR_FRAME, FOR_PONG, FOR_LAST_LOOK, FOR_CLOSE

cdef class WebSocket:
    cdef WebSocketMachine machine       # None: not open yet, or not any more
    cdef readonly object subprotocol
    cdef object forwarded       # the client that a trusted proxy has named; None: it named none
    cdef bint over

    cdef WebSocketMachine open_machine(self)

cdef class WebSocketMachine(WebSocketSender):
    cdef WebSocket socket
    cdef FrameReader reader
    cdef object request         # until `on_open` was called
    cdef bytes rest             # of a read: nothing of it is looked at before `go_on`
    cdef bytes pong             # owed while the transport is full: of the newest ping alone
    cdef object reason          # why it was closed by us
    cdef int code
    cdef int64_t counted        # bytes of a message that are counted in `context.memory`
    cdef Wait wait
    cdef int64_t pinged_at      # what the transport will have taken when it has our ping
    cdef int64_t peer_has       # of what it has taken, when that was looked at last
    cdef bint paused            # by the application
    cdef bint reads_while_full, notified, going_on, peer_done

    cdef bint may_inflate(self) except -1
    cdef int read_on(self) except -1
    cdef int control_received(self, int opcode, bytes payload) except -1
    cdef int close_received(self, bytes payload) except -1
    cdef int count(self, int64_t size) except -1
    cdef int set_reading(self) except -1
    cdef int plan(self) except -1
    cdef int expect_frame(self) except -1
    cdef int64_t acknowledged(self) except? -1
    cdef int ping(self) except -1
    cdef bint has_no_ping(self) except -1
    cdef int start_wait(self, Wait wait, double seconds) except -1
    cdef int call(self, str method, tuple arguments) except -1
    cdef int failed(self, object exception, str method) except -1
    cdef int close_by_us(self, int code, str reason) except -1
    cdef int end(self, int code, str reason) except -1
    cdef int notify_closed(self, int code, object reason) except -1
    cdef int refuse(self, object error) except -1
