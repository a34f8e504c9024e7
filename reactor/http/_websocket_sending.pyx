"""What WebSockets share, and what one sends: messages, control frames, and when it must not.

What they share besides numbers are the turns in which they inflate. A few bytes may stand for
megabytes, so each stops after a share of a turn of the loop, and who stops goes to the end of a queue:

    read ──> its share ─┬─> all is read
      ^                 └─> `wait` ──> one of the next few ──> in the next turn: its share ─> ...
      └── nothing is read from who waits

Must never know: what is read, who sends it.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from reactor.parser._frames cimport (
    BINARY, CLOSE, DEFLATED, FIN, FRAME_HEAD_BYTES_MAX, TEXT, put_frame_head)

from os import urandom

from reactor.errors import RemoteProtocolError
from reactor.parser._frames import masked

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef enum:
    # A frame up to here is put together before it is written: a transport in Python, as TLS
    # is, would make two records of a head and a payload.
    JOINED_BYTES_MAX = 2048
    # RFC 6455 5.5: a control frame has 125 bytes, and two of a Close are its code.
    REASON_BYTES_MAX = 123


cdef class WebSocketContext:

    def __init__(self, limits, journal, BodyRoom memory=None, bint is_client=False,
                 InflateTurns turns=None):
        self.limits = limits
        self.journal = journal
        self.memory = memory
        self.is_client = is_client
        self.ping_interval = limits.websocket_ping_interval_s
        self.ping_timeout = limits.websocket_ping_timeout_s
        self.least_taken = max(1.0, limits.body_rate_min * self.ping_timeout)
        # The end of the time for a pong, see `deadline_expired`.
        self.last_look = min(1.0, self.ping_timeout / 2)
        self.close_timeout = limits.websocket_close_timeout_s
        self.messages_per_turn = limits.websocket_messages_per_turn_max
        self.message_bytes_max = limits.websocket_message_bytes_max
        self.unsent_bytes_max = limits.websocket_unsent_bytes_max
        self.deflate_bytes_min = limits.websocket_deflate_bytes_min
        self.turns = InflateTurns(limits) if turns is None else turns


cdef class InflateTurns:

    def __init__(self, limits not None):
        self.each = limits.websocket_inflate_per_turn_max
        # One half for who has just read, one for who goes on: neither keeps the other out.
        self.half = max(self.each, limits.websocket_inflate_per_turn_all_max // 2)
        self.left = self.half
        self.most = self.half // self.each
        self.waiting = []

    def turn_began(self):
        return self.turn

    cdef int begin(self, double turn) except -1:
        if turn != self.turn:
            self.turn = turn
            self.left = self.half
        return 0

    cdef int wait(self, WebSocketSender sender) except -1:
        self.waiting.append(sender)
        return self.give()

    cdef int leave(self, WebSocketSender sender) except -1:
        """It goes on now, or is lost."""
        if sender.has_turn:
            sender.has_turn = False
            self.taken -= 1
        return self.give()

    cdef int give(self) except -1:
        cdef WebSocketSender sender
        while self.taken < self.most and self.waiting:
            sender = self.waiting.pop(0)
            if sender.stage != CLOSED and sender.transport is not None:
                sender.transport.call_soon(sender._go_on)
                sender.has_turn = True
                self.taken += 1
        return 0


cdef class WebSocketSender(Protocol):

    cdef int send_message(self, object data) except -1:
        cdef Py_buffer view
        cdef Py_ssize_t size
        cdef const char *text
        if isinstance(data, str):
            text = PyUnicode_AsUTF8AndSize(data, &size)
            if self.deflater is not None and size >= self.context.deflate_bytes_min:
                return self.send_deflated(TEXT, PyBytes_FromStringAndSize(text, size))
            return self.put(FIN | TEXT, <const uint8_t *>text, size)
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if self.deflater is not None and view.len >= self.context.deflate_bytes_min:
                return self.send_deflated(BINARY, data)
            return self.put(FIN | BINARY, <const uint8_t *>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef int send_deflated(self, int opcode, object data) except -1:
        cdef bytes deflated
        if self.stage != OPEN:  # what is not sent must not change what the next is deflated by
            return 0
        deflated = self.deflater.deflate(data)
        return self.put(FIN | DEFLATED | opcode, <const uint8_t *>PyBytes_AS_STRING(deflated),
                        PyBytes_GET_SIZE(deflated))

    cdef int put(self, int first, const uint8_t *data, Py_ssize_t size) except -1:
        cdef uint8_t[FRAME_HEAD_BYTES_MAX + JOINED_BYTES_MAX] joined
        cdef int head_size
        cdef bytes mask, payload
        if self.stage != OPEN:
            return 0
        if self.full and self.transport.get_write_buffer_size() > self.context.unsent_bytes_max:
            return self.drop(RemoteProtocolError(
                1006, "ws-unsent", "it takes nothing, and more and more is sent to it"))
        head_size = put_frame_head(joined, first, size, self.context.is_client)
        if self.context.is_client:
            # RFC 6455 10.3: a mask that nobody can foresee.
            mask = urandom(4)
            memcpy(joined + head_size, PyBytes_AS_STRING(mask), 4)
            head_size += 4
            payload = masked(PyBytes_FromStringAndSize(<const char *>data, size), mask)
            data = <const uint8_t *>PyBytes_AS_STRING(payload)
        if size <= JOINED_BYTES_MAX:
            if size:
                memcpy(joined + head_size, data, size)
            return self.transport.send(joined, head_size + size)
        self.transport.send(joined, head_size)
        return self.transport.send(data, size)

    cdef int put_close(self, int code, str reason) except -1:
        cdef bytes payload = reason.encode("utf-8", "replace")
        if len(payload) > REASON_BYTES_MAX:
            payload = payload[:REASON_BYTES_MAX].decode("utf-8", "ignore").encode()
        payload = code.to_bytes(2, "big") + payload
        return self.put(FIN | CLOSE, <const uint8_t *>PyBytes_AS_STRING(payload), len(payload))

    cdef int drop(self, object error) except -1:
        self.context.journal.refused(self.transport.get_extra_info("peername"), error)
        self.transport.abort()
        return 0
