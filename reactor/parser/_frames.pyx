"""WebSocket frames (RFC 6455 5): bytes in, whole messages and control frames out.

    lend ─> pull ─┬─> TEXT, BINARY          a message: one frame, or several put together
                  ├─> CLOSE, PING, PONG     a control frame, as it came between the others
                  └─> CONTINUATION          nothing is whole yet

A message that is whole in what was lent is unmasked straight into the object that is given out.
One that comes in parts is collected in one object, that grows with what has come and not with what
its head announces. Text is checked while it comes, so that a fault is seen at the byte that makes it
certain; a length that is over the bound, before its payload. What inflates stops at an allowance,
in the middle of a message too: a few bytes may stand for megabytes.

Must never know: a connection, what a close code means, what is answered.
The docstrings are in `_frames.pyi`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.ref cimport Py_XDECREF
from libc.stdint cimport INT64_MAX
from libc.string cimport memcpy

from reactor.errors import RemoteProtocolError

cdef extern from "_frames.h":
    const uint64_t FRAMES_HIGH_BITS
    uint64_t frames_mask(uint8_t *to, const uint8_t *data, size_t size, uint32_t key) noexcept
    uint32_t frames_turned(uint32_t key, size_t size) noexcept
    bint frames_utf8(uint32_t *state, const uint8_t *at, size_t size) noexcept

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    void *PyUnicode_DATA(object text) noexcept
    object PyUnicode_DecodeUTF8(const char *data, Py_ssize_t size, const char *errors)
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) except NULL
    object bytes_of "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size)
    int resize_bytes "_PyBytes_Resize"(PyObject **data, Py_ssize_t size) except -1
    char *bytes_in "PyBytes_AS_STRING"(PyObject *data) noexcept
    PyObject *new_text "PyUnicode_New"(Py_ssize_t size, Py_UCS4 largest) except NULL
    int resize_text "PyUnicode_Resize"(PyObject **text, Py_ssize_t size) except -1
    void *unicode_in "PyUnicode_DATA"(PyObject *text) noexcept

cdef enum:
    # What a length that is only announced may cost before its bytes come: one read.
    CAPACITY_FIRST = 64 * 1024
    # Deflate makes what it cannot make smaller larger by this, at most (RFC 1951 3.2.4: five bytes
    # for each block of 65,535).
    DEFLATE_SLACK_BYTES = 1024


cdef class FrameReader:

    def __init__(self, bint masked, int64_t message_bytes_max, inflater=None):
        self.masked = masked
        self.message_bytes_max = message_bytes_max
        self.inflater = inflater
        self.allowance = INT64_MAX

    def __dealloc__(self):
        Py_XDECREF(self.data)

    def read(self, bytes data not None, list found=None):
        if found is None:
            found = []
        self.allowance = INT64_MAX
        self.lend(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        while True:
            opcode = self.pull()
            if opcode == CONTINUATION:
                return found
            found.append((opcode, self.take_item()))

    cdef void lend(self, const uint8_t *data, Py_ssize_t size) noexcept:
        """Bytes of the caller's, to be used before they go. What was lent before was read whole."""
        self.origin += self.at - self.base
        self.base = self.at = data
        self.end = data + size

    cdef object fault(self, int status, str code, str message):
        """The peer's; its offset counts from the first frame of the connection."""
        return RemoteProtocolError(status, code, message, self.origin + (self.at - self.base))

    cdef object decoded(self, const uint8_t *data, Py_ssize_t size):
        try:
            return PyUnicode_DecodeUTF8(<const char *>data, size, NULL)
        except UnicodeDecodeError:
            raise self.fault(1007, "ws-utf8", "a text is not UTF-8") from None

    cdef object take_item(self):
        item, self.item = self.item, None
        return item

    cdef int pull(self) except -1:
        """The opcode of what is whole now, CONTINUATION if nothing is. Raises RemoteProtocolError
        with the close code as its status; then nothing more may be read."""
        cdef int opcode
        while self.allowance > 0:
            if self.inflating:
                opcode = self.inflate_on()
            elif not self.in_payload and not self.read_head():
                return CONTINUATION
            elif self.first & 8:
                opcode = self.read_control()
            elif (self.message == CONTINUATION and self.first & FIN and not self.deflated
                    and not self.dropping and self.left <= <uint64_t>(self.end - self.at)):
                opcode = self.read_whole()
            else:
                opcode = self.read_part()
            if opcode != CONTINUATION:
                return opcode
            if self.in_payload and not self.inflating:
                return CONTINUATION  # the payload goes on
        return CONTINUATION

    # --- the head of a frame --------------------------------------------------------------

    cdef bint read_head(self) except -1:
        """Read a frame's head, and check all that it says; False if it is not there yet."""
        cdef int needed = 2
        cdef int taken, length
        while True:
            taken = <int>min(<Py_ssize_t>(needed - self.head_size), self.end - self.at)
            if taken > 0:
                memcpy(&self.head[self.head_size], self.at, taken)
                self.head_size += taken
                self.at += taken
            if self.head_size < needed:
                return False
            length = self.head[1] & 0x7f
            if needed > 2:
                break
            self.check_start()
            needed += (2 if length == 126 else 8 if length == 127 else 0) + 4 * self.masked
            if needed == 2:
                break
        self.check_length(length)
        if self.masked:
            memcpy(&self.key, &self.head[needed - 4], 4)
        self.first = self.head[0]
        if not self.first & 8 and self.first & 0x0f:
            self.deflated = (self.first & DEFLATED) != 0
        self.head_size = 0
        self.in_payload = True
        return True

    cdef int check_start(self) except -1:
        """What the first two bytes say (RFC 6455 5.2)."""
        cdef int first = self.head[0]
        cdef int opcode = first & 0x0f
        cdef int reserved = first & 0x70
        if opcode & 7 > 2:
            raise self.fault(1002, "ws-opcode", f"there is no opcode {opcode}")
        # RFC 7692 6: one of a message's first frame only; never of a control frame.
        if reserved and (reserved != DEFLATED or self.inflater is None or opcode & 7 == 0
                         or opcode & 8):
            raise self.fault(1002, "ws-reserved-bit", "a reserved bit is set that no extension uses")
        if (self.head[1] >> 7) != self.masked:
            # RFC 6455 5.1: all frames of a client are masked, and none of a server.
            raise self.fault(1002, "ws-mask", "a client's frame is not masked" if self.masked
                        else "a server's frame is masked")
        if opcode & 8:
            if not first & FIN:
                raise self.fault(1002, "ws-control-fragment", "a control frame has FIN not set")
            if self.head[1] & 0x7f > CONTROL_BYTES_MAX:
                raise self.fault(1002, "ws-control-size", "a control frame has more than 125 bytes")
        elif opcode == CONTINUATION and self.message == CONTINUATION:
            raise self.fault(1002, "ws-continuation", "a continuation frame continues nothing")
        elif opcode != CONTINUATION and self.message != CONTINUATION:
            raise self.fault(1002, "ws-interleaved", "a message begins within another one")
        return 0

    cdef int check_length(self, int length) except -1:
        cdef uint64_t size = length
        cdef uint64_t most = self.message_bytes_max
        cdef int i
        if length >= 126:
            size = 0
            for i in range(2 if length == 126 else 8):
                size = size << 8 | self.head[2 + i]
            # RFC 6455 5.2: the shortest form, and the top bit is 0.
            if size < 126 or (length == 127 and size < 0x10000) or size >> 63:
                raise self.fault(1002, "ws-length", "a length is not in its shortest form")
        self.left = size
        if self.head[0] & 8:
            return 0
        if self.head[0] & DEFLATED or (self.head[0] & 0x0f == CONTINUATION and self.deflated):
            most += most // 1024 + DEFLATE_SLACK_BYTES
        elif self.message != CONTINUATION:
            most -= self.size
        if size > most:
            raise self.too_big()
        return 0

    cdef object too_big(self):
        return self.fault(
            1009, "ws-message-size", f"a message may have {self.message_bytes_max} bytes")

    # --- control frames -------------------------------------------------------------------

    cdef int read_control(self) except -1:
        cdef uint8_t[CONTROL_BYTES_MAX] plain
        cdef Py_ssize_t size = <Py_ssize_t>min(self.left, <uint64_t>(self.end - self.at))
        frames_mask(plain, self.at, size, self.key)
        self.at += size
        self.left -= size
        if self.left or self.control is not None:
            self.key = frames_turned(self.key, size)
            came = <bytes>plain[:size]
            self.control = came if self.control is None else self.control + came
            if self.left:
                return CONTINUATION
            self.item, self.control = self.control, None
        else:
            self.item = <bytes>plain[:size]
        self.in_payload = False
        return self.first & 0x0f

    # --- messages -------------------------------------------------------------------------

    cdef int read_whole(self) except -1:
        """A message of one frame that is there: unmasked into what is given out."""
        cdef Py_ssize_t size = <Py_ssize_t>self.left
        cdef const uint8_t *data = self.at
        cdef object text
        self.at += size
        self.in_payload = False
        if self.first & 0x0f == BINARY:
            self.item = bytes_of(NULL, size)
            if size:
                frames_mask(<uint8_t *>PyBytes_AS_STRING(self.item), data, size, self.key)
            return BINARY
        if size == 0:
            self.item = ""
            return TEXT
        # As if it were ASCII, which most texts are: then it is done.
        text = PyUnicode_New(size, 127)
        if frames_mask(<uint8_t *>PyUnicode_DATA(text), data, size, self.key) & FRAMES_HIGH_BITS:
            text = self.decoded(<const uint8_t *>PyUnicode_DATA(text), size)
        self.item = text
        return TEXT

    cdef int read_part(self) except -1:
        """What is there of a frame of a message that comes in parts."""
        cdef Py_ssize_t size = <Py_ssize_t>min(self.left, <uint64_t>(self.end - self.at))
        cdef bint last = size == <Py_ssize_t>self.left and self.first & FIN
        if self.first & 0x0f:
            self.message = self.first & 0x0f
        if self.dropping:
            pass
        elif self.deflated:
            self.inflate(size, last)
        elif size:
            self.append(self.at, size, self.key)
        self.at += size
        self.left -= size
        self.first &= FIN   # whatever comes of it now continues the message
        if self.left:
            self.key = frames_turned(self.key, size)
            return CONTINUATION
        self.in_payload = False
        return self.finish_message() if last and not self.inflating else CONTINUATION

    cdef int append(self, const uint8_t *data, Py_ssize_t size, uint32_t key) except -1:
        cdef Py_ssize_t needed = self.size + size
        cdef uint8_t *to
        cdef uint64_t seen
        if needed > self.capacity:
            self.grow(needed)
        to = self.collected() + self.size
        seen = frames_mask(to, data, size, key)
        if self.message == TEXT and (self.utf8 or seen & FRAMES_HIGH_BITS):
            if not frames_utf8(&self.utf8, to, size):
                raise self.fault(1007, "ws-utf8", "a text is not UTF-8")
            if self.ascii:
                self.become_bytes(needed)
        self.size = needed
        return 0

    cdef uint8_t *collected(self) noexcept:
        return <uint8_t *>(unicode_in(self.data) if self.ascii else bytes_in(self.data))

    cdef int grow(self, Py_ssize_t needed) except -1:
        # Doubled; but a last frame says what there will be, and more than the bound is never there.
        cdef Py_ssize_t capacity = max(2 * self.capacity, <Py_ssize_t>CAPACITY_FIRST)
        capacity = <Py_ssize_t>min(<int64_t>capacity, self.message_bytes_max)
        if self.first & FIN and not self.deflated:
            capacity = min(capacity, self.size + <Py_ssize_t>self.left)
        capacity = max(capacity, needed)
        if self.data == NULL:
            # A text is taken for ASCII until it shows that it is not: then what is collected is
            # what is given out. A second object of a megabyte costs 20 times as much as the rest.
            self.ascii = self.message == TEXT
            self.data = new_text(capacity, 127) if self.ascii else new_bytes(NULL, capacity)
        else:
            self.capacity = 0   # if it cannot grow, what was there is gone
            self.resize(capacity)
        self.capacity = capacity
        return 0

    cdef int resize(self, Py_ssize_t size) except -1:
        return resize_text(&self.data, size) if self.ascii else resize_bytes(&self.data, size)

    cdef int become_bytes(self, Py_ssize_t size) except -1:
        cdef PyObject *data = new_bytes(NULL, self.capacity)
        memcpy(bytes_in(data), unicode_in(self.data), size)
        Py_XDECREF(self.data)
        self.data = data
        self.ascii = False
        return 0

    cdef int inflate(self, Py_ssize_t size, bint last) except -1:
        cdef bytes plain = bytes_of(NULL, size)
        cdef bytes inflated
        if size:
            frames_mask(<uint8_t *>PyBytes_AS_STRING(plain), self.at, size, self.key)
        inflated = self.inflater.inflate(
            plain, self.message_bytes_max - self.size, size == <Py_ssize_t>self.left, last)
        self.allowance -= size  # to read codes costs something, and they may stand for nothing
        self.last = last
        return self.append_inflated(inflated)

    cdef int inflate_on(self) except -1:
        while self.inflating and self.allowance > 0 and not self.dropping:
            self.append_inflated(self.inflater.go_on(self.message_bytes_max - self.size))
        if self.inflating and not self.dropping:
            return CONTINUATION
        self.inflating = False
        return self.finish_message() if self.last else CONTINUATION

    cdef int append_inflated(self, bytes inflated) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(inflated)
        self.inflating = self.inflater.pending
        self.allowance -= size
        if size > self.message_bytes_max - self.size:
            raise self.too_big()
        if size:
            self.append(<const uint8_t *>PyBytes_AS_STRING(inflated), size, 0)
        return 0

    cdef int finish_message(self) except -1:
        cdef int message = self.message
        self.message = CONTINUATION
        self.deflated = False
        if self.dropping:
            self.utf8 = 0
            return CONTINUATION
        if self.utf8:
            raise self.fault(1007, "ws-utf8", "a text ends within a character")
        self.item = self.take_data()
        if message == TEXT and isinstance(self.item, bytes):
            # It was checked while it came: this cannot fail but for want of memory.
            if self.inflater is not None:
                self.allowance -= PyBytes_GET_SIZE(self.item)  # all of it is gone through once more
            self.item = self.decoded(
                <const uint8_t *>PyBytes_AS_STRING(self.item), PyBytes_GET_SIZE(self.item))
        return message

    cdef object take_data(self):
        cdef Py_ssize_t size = self.size
        self.size = self.capacity = 0
        if self.data == NULL:
            return b""
        self.resize(size)
        whole = <object>self.data
        Py_XDECREF(self.data)   # the reference is `whole` now
        self.data = NULL
        return whole


# --- what is sent -----------------------------------------------------------------------------

cdef int put_frame_head(uint8_t *to, int first, uint64_t size, bint masked) noexcept:
    """The head of a frame without its mask; how many of the ten bytes at ``to`` it took."""
    cdef int i
    to[0] = <uint8_t>first
    to[1] = 0x80 if masked else 0
    if size < 126:
        to[1] |= <uint8_t>size
        return 2
    if size < 0x10000:
        to[1] |= 126
        to[2] = <uint8_t>(size >> 8)
        to[3] = <uint8_t>size
        return 4
    to[1] |= 127
    for i in range(8):
        to[2 + i] = <uint8_t>(size >> (56 - 8 * i))
    return 10


def frame(int opcode, bytes data not None, *, bint fin=True, bint deflated=False, bytes mask=None):
    cdef uint8_t[FRAME_HEAD_BYTES_MAX] head
    cdef int first = opcode | (FIN if fin else 0) | (DEFLATED if deflated else 0)
    cdef int head_size = put_frame_head(head, first, len(data), mask is not None)
    cdef bytes whole = <bytes>head[:head_size]
    if mask is None:
        return whole + data
    return whole + mask + masked(data, mask)


def masked(bytes data not None, bytes mask not None):
    cdef uint32_t key
    cdef bytes out = bytes_of(NULL, len(data))
    if len(mask) != 4:
        raise ValueError("a mask has four bytes")
    memcpy(&key, PyBytes_AS_STRING(mask), 4)
    if data:
        frames_mask(<uint8_t *>PyBytes_AS_STRING(out), <const uint8_t *>PyBytes_AS_STRING(data),
                    len(data), key)
    return out
