"""One WebSocket (RFC 6455), of either role: frames in, calls of the application out, and back.

    receive ─> FrameReader ─> on_message            send ─> frame ─> transport
    the peer's Close ─> our Close ─> end of the connection ─> on_close
    close() ─> our Close ── the peer's, or its time ──────────> on_close

`WebSocket` is the application's side, and made by it; `WebSocketMachine` is the protocol of the
connection, whose sending half is `_websocket_sending.pyx`. A message is given out inside the read that made it whole. If the application pauses,
or many came at once, or much is to be inflated, the rest of the read waits here, as it came, and nothing
more is read.

The machine reads no clock: it asks its transport for a deadline, and each read moves it.
The docstrings are in `_websocket.pyi`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t

from reactor.process._forked cimport end_if_forked
from reactor.http._collecting cimport BodyRoom
from reactor.http._websocket_sending cimport (
    CLOSED, CLOSING, NOT_OPEN, OPEN, InflateTurns, WebSocketContext)
from reactor.parser._frames cimport CLOSE, CONTINUATION, FIN, PING, PONG
from reactor.parser._message cimport Request

from reactor.errors import RemoteProtocolError
from reactor.http.blame import name_of
from reactor.process.interrupts import is_from_a_signal

# RFC 6455 7.4.1 and IANA's registry: what may be sent. 1005, 1006 and 1015 stand for what was not.
CLOSE_CODES = frozenset([*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)])


cdef class WebSocket:

    reads_while_full = False

    def on_open(self, request):
        pass

    def on_message(self, data):
        pass

    def on_room(self):
        pass

    def on_drain(self):
        # RFC 6455's registry: 1012, service restart. A client comes again.
        self.close(1012, "the server stops")

    def on_close(self, code, reason):
        pass

    cdef WebSocketMachine open_machine(self):
        if self.machine is None and not self.over:
            raise RuntimeError("this WebSocket is not open yet: on_open says when it is")
        return self.machine

    def send(self, data):
        cdef WebSocketMachine machine = self.open_machine()
        if machine is not None:
            machine.send_message(data)

    def close(self, int code=1000, str reason not None=""):
        cdef WebSocketMachine machine = self.open_machine()
        if code not in CLOSE_CODES:
            raise ValueError(f"{code} is no code that a Close may have: 1000, 3000 to 4999, ...")
        if machine is not None:
            machine.close_by_us(code, reason)

    def abort(self):
        cdef WebSocketMachine machine = self.open_machine()
        if machine is not None:
            machine.transport.abort()

    def pause_reading(self):
        cdef WebSocketMachine machine = self.open_machine()
        if machine is not None and machine.stage == OPEN:  # the peer's Close is waited for
            machine.paused = True
            machine.set_reading()

    def resume_reading(self):
        cdef WebSocketMachine machine = self.open_machine()
        if machine is not None and machine.paused:
            machine.paused = False
            machine.set_reading()

    @property
    def closed(self):
        return self.machine is None or self.machine.stage != OPEN

    @property
    def room(self):
        return not self.closed and not self.machine.full

    @property
    def unsent(self):
        return 0 if self.machine is None else self.machine.transport.get_write_buffer_size()

    @property
    def client(self):
        return self.extra_info("peername") if self.forwarded is None else self.forwarded

    def extra_info(self, name, default=None):
        return default if self.machine is None else self.machine.transport.get_extra_info(name, default)


cdef class WebSocketMachine(WebSocketSender):

    def __init__(self, WebSocketContext context not None, WebSocket socket not None, request=None,
                 subprotocol=None, inflater=None, deflater=None):
        if socket.machine is not None or socket.over:
            raise RuntimeError("a WebSocket object is for one connection: make another one")
        self.context = context
        self.socket = socket
        self.request = request
        self.deflater = deflater
        self.reader = FrameReader(not context.is_client, context.message_bytes_max, inflater)
        # Two ends that both held up the other while they are held up would wait for each other.
        self.reads_while_full = context.is_client or bool(socket.reads_while_full)
        socket.subprotocol = subprotocol

    # --- what the transport tells ---------------------------------------------------------

    cpdef connection_made(self, transport):
        if self.context is None or transport is None:
            raise RuntimeError("the machine has no socket: super().__init__() was not called")
        self.transport = transport
        self.socket.machine = self
        self.stage = OPEN
        self.context.deflating += self.deflater is not None
        self.expect_frame()
        request, self.request = self.request, None
        if isinstance(request, Request) and (<Request>request).arrived is not None:
            self.socket.forwarded = (<Request>request).peer
        self.call("on_open", (request,))

    def data_received(self, bytes data):
        self.receive(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int receive(self, const uint8_t *data, Py_ssize_t size) except -1:
        if self.stage == CLOSED or self.stage == NOT_OPEN:
            return 0
        if self.wait != FOR_CLOSE:
            self.expect_frame()
        if self.rest is not None:
            self.rest += <bytes>data[:size]  # of a transport that gave it though it was to pause
            return 0
        if self.reader.inflater is not None and not self.may_inflate():
            self.rest = <bytes>data[:size]
            return self.set_reading()
        self.reader.lend(data, size)
        return self.read_on()

    cdef bint may_inflate(self) except -1:
        """Whether those who have read something leave it a share of this turn."""
        cdef InflateTurns turns = self.context.turns
        turns.begin(self.transport.turn_began())
        self.reader.allowance = turns.each
        return turns.left > 0 or self.reader.dropping

    def eof_received(self):
        self.peer_done = True
        return self.rest is not None  # then what has come is given out first

    def pause_writing(self):
        self.full = True
        self.set_reading()

    def resume_writing(self):
        self.full = False
        if self.stage == OPEN and self.pong is not None:
            pong, self.pong = self.pong, None
            self.put(FIN | PONG, <const uint8_t *>PyBytes_AS_STRING(pong), PyBytes_GET_SIZE(pong))
        self.set_reading()
        if self.stage == OPEN and not self.full:
            self.call("on_room", ())

    def deadline_expired(self):
        """The peer was silent for too long, or its Close does not come.

        A loop that was held up is no peer's fault: the ping may have left a moment ago. So the last
        second of a pong's time is asked for when all before it has passed: in between the loop has
        written and read.
        """
        cdef Wait waited_for = self.wait
        cdef bint waiting = self.transport.get_write_buffer_size() > 0
        self.wait = FOR_NOTHING
        if waited_for == FOR_CLOSE:
            if waiting:  # our Close is not with the peer yet, who has its time for that
                self.start_wait(FOR_CLOSE, self.context.close_timeout)
            else:
                self.transport.abort()
        elif self.stage != OPEN:
            pass
        elif waiting or not self.transport.is_reading():
            self.expect_frame()     # it could not be heard, or has not heard us
        elif waited_for == FOR_FRAME:
            self.ping()
            self.start_wait(FOR_PONG, self.context.ping_timeout - self.context.last_look)
        elif waited_for == FOR_LAST_LOOK and self.has_no_ping():
            self.start_wait(FOR_PONG, self.context.ping_timeout - self.context.last_look)
        elif waited_for == FOR_PONG:
            self.start_wait(FOR_LAST_LOOK, self.context.last_look)
        else:
            self.refuse(RemoteProtocolError(1011, "ws-ping-timeout", "keepalive ping timeout"))

    cpdef connection_lost(self, exc):
        cdef WebSocket socket = self.socket
        closing = self.stage == CLOSING
        if self.transport is None:
            return  # it was never open
        self.context.deflating -= self.deflater is not None
        self.stage = CLOSED
        self.count(0)
        if isinstance(exc, TimeoutError):
            self.context.journal.refused(socket.client, RemoteProtocolError(
                1006, "write-timeout", "nothing of what was sent was taken"))
        self.context.turns.leave(self)
        socket.over = True
        self.notify_closed(self.code if closing else 1006, self.reason if closing else "")
        socket.machine = None   # each holds the other
        self.transport = None

    cpdef finish(self):
        """The server stops."""
        if self.stage == OPEN:
            self.call("on_drain", ())

    # --- what the peer sends --------------------------------------------------------------

    cdef int read_on(self) except -1:
        """Give out what is in the reader: up to a bound, and until the application pauses."""
        cdef FrameReader reader = self.reader
        cdef int left = self.context.messages_per_turn
        cdef int opcode
        try:
            while self.stage != CLOSED:
                if left == 0 or self.paused:
                    break
                opcode = reader.pull()
                if opcode == CONTINUATION:
                    break
                if opcode >= CLOSE:
                    self.control_received(opcode, reader.take_item())
                    continue
                left -= 1
                if self.stage == OPEN:
                    try:
                        self.socket.on_message(reader.take_item())
                    except BaseException as exception:
                        if is_from_a_signal(exception):
                            raise
                        self.failed(exception, "on_message")
        except RemoteProtocolError as error:
            self.refuse(error)
        if reader.inflater is not None:
            self.context.turns.left -= self.context.turns.each - reader.allowance
        if self.stage != CLOSED:
            if reader.at < reader.end or reader.inflating:
                self.rest = <bytes>reader.at[:reader.end - reader.at]
                reader.at = reader.end
            self.count(reader.size)
            self.set_reading()
        return 0

    def _go_on(self):
        """Read on in what was left over."""
        if self.stage == NOT_OPEN:
            return  # anybody may call it: a machine without __init__ has no reader
        self.going_on = False
        if self.has_turn:
            self.context.turns.leave(self)
        rest, self.rest = self.rest, None
        if rest is not None and self.stage != CLOSED:
            if self.paused:
                self.rest = rest
                return
            if self.reader.inflater is not None:
                self.may_inflate()  # the turn is its own
            self.reader.lend(<const uint8_t *>PyBytes_AS_STRING(rest), PyBytes_GET_SIZE(rest))
            self.read_on()
            if self.peer_done and self.rest is None and self.stage != CLOSED:
                self.transport.close()

    cdef int set_reading(self) except -1:
        """Read on only if what comes can be used now."""
        if self.stage == CLOSED or self.transport is None:
            return 0
        if self.rest is not None and not self.paused:
            self.plan()
        return self.transport.want_reading(
            self.rest is None and not self.paused and (self.reads_while_full or not self.full))

    cdef int plan(self) except -1:
        if not self.going_on:
            self.going_on = True
            if self.reader.inflater is None:
                self.transport.call_soon(self._go_on)
            else:
                self.context.turns.wait(self)
        return 0

    cdef int count(self, int64_t size) except -1:
        """A message that comes in parts is a body too: all of them together have a bound."""
        cdef BodyRoom memory = self.context.memory
        if memory is None or size == self.counted:
            return 0
        before, self.counted = self.counted, size
        memory.held += size - before
        if size < before:
            memory.let_go_on()
        elif memory.is_full():
            self.refuse(RemoteProtocolError(1013, "ws-memory", "too much is being sent just now"))
        return 0

    cdef int control_received(self, int opcode, bytes payload) except -1:
        if opcode == CLOSE:
            return self.close_received(payload)
        if opcode == PING and self.stage == OPEN:
            if self.full:
                # RFC 6455 5.5.3: of several that are not answered yet the newest is enough.
                self.pong = payload
            else:
                self.put(FIN | PONG, <const uint8_t *>PyBytes_AS_STRING(payload),
                         PyBytes_GET_SIZE(payload))
        return 0

    cdef int close_received(self, bytes payload) except -1:
        code, reason = 1005, ""
        if payload:
            code = int.from_bytes(payload[:2], "big")
            if len(payload) == 1 or code not in CLOSE_CODES:
                raise self.reader.fault(1002, "ws-close-code", "no Close may have this code")
            try:
                reason = payload[2:].decode()
            except UnicodeDecodeError:
                raise self.reader.fault(1007, "ws-utf8", "a reason is not UTF-8") from None
        if self.stage == CLOSING:
            return self.end(self.code, self.reason)
        self.put(FIN | CLOSE, <const uint8_t *>PyBytes_AS_STRING(payload), min(2, len(payload)))
        return self.end(code, reason)

    # --- time -----------------------------------------------------------------------------

    cdef int expect_frame(self) except -1:
        """Any frame says that the peer is alive."""
        if self.context.ping_interval <= 0:
            return 0
        return self.start_wait(FOR_FRAME, self.context.ping_interval)

    cdef int64_t acknowledged(self) except? -1:
        queued = self.transport.get_extra_info("unacknowledged")
        return -1 if queued is None else self.transport.taken - <int64_t>queued

    cdef int ping(self) except -1:
        self.peer_has = self.acknowledged()
        self.put(FIN | PING, NULL, 0)
        self.pinged_at = self.transport.taken + self.transport.get_write_buffer_size()
        return 0

    cdef bint has_no_ping(self) except -1:
        """Whether the peer, when it was looked at last, had not come to our ping yet, behind what the
        kernel holds, and has taken of that since: a slow one is not dead."""
        cdef int64_t before = self.peer_has
        self.peer_has = self.acknowledged()
        return 0 <= before < self.pinged_at and self.peer_has - before >= self.context.least_taken

    cdef int start_wait(self, Wait wait, double seconds) except -1:
        self.wait = wait
        return self.transport.expire_in(seconds)

    # --- the application ------------------------------------------------------------------

    cdef int call(self, str method, tuple arguments) except -1:
        try:
            getattr(self.socket, method)(*arguments)
        except BaseException as exception:
            if is_from_a_signal(exception):
                raise
            self.failed(exception, method)
        return 0

    cdef int failed(self, object exception, str method) except -1:
        end_if_forked(exception)
        self.context.journal.failed(exception, f"calling {method} of {name_of(self.socket)}")
        if self.stage == OPEN:
            self.close_by_us(1011, "the application failed")
        return 0

    # --- the end --------------------------------------------------------------------------

    cdef int close_by_us(self, int code, str reason) except -1:
        """Send our Close; from here on only the peer's is looked for."""
        if self.stage != OPEN:
            return 0
        self.put_close(code, reason)
        if self.stage == OPEN:
            self.stage = CLOSING
            self.code, self.reason = code, reason
            self.reader.dropping = True
            self.paused = False
            self.reads_while_full = True
            self.start_wait(FOR_CLOSE, self.context.close_timeout)
            self.set_reading()
        return 0

    cdef int end(self, int code, str reason) except -1:
        """Both Closes are written, or the peer's is not waited for."""
        self.stage = CLOSED
        self.rest = None
        self.notify_closed(code, reason)
        if self.transport is not None:
            self.transport.close()
        return 0

    cdef int notify_closed(self, int code, object reason) except -1:
        if not self.notified:
            self.notified = True
            self.call("on_close", (code, reason))
        return 0

    cdef int refuse(self, object error) except -1:
        """The peer's fault: a Close with its code, and nothing more is read."""
        self.context.journal.refused(self.socket.client, error)
        if self.stage == CLOSING:
            return self.end(self.code, self.reason)
        self.put_close(error.status, error.message)
        return self.end(error.status, error.message)
