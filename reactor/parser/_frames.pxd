"""WebSocket frames: the C face of `_frames.pyx`."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum Opcode:
    # RFC 6455 5.2. As what `pull` found, CONTINUATION is nothing: more bytes are needed.
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10

cdef enum:
    FIN = 0x80
    DEFLATED = 0x40             # RFC 7692 6: RSV1 of a message's first frame
    FRAME_HEAD_BYTES_MAX = 14
    CONTROL_BYTES_MAX = 125     # RFC 6455 5.5

cdef class FrameReader:
    cdef const uint8_t *base    # what was lent; from `at` on it is not read yet
    cdef const uint8_t *at
    cdef const uint8_t *end
    cdef int64_t origin         # bytes that were read before `base`
    cdef int64_t message_bytes_max
    cdef readonly object inflater   # of permessage-deflate; None: not negotiated
    cdef object item            # what `pull` found
    cdef object control         # what has come of a control frame that came in parts
    cdef PyObject *data         # a message that comes in parts: the first `size` of bytes, or of a str
    cdef Py_ssize_t size, capacity
    cdef uint64_t left          # bytes that the frame's payload has still to bring
    cdef int64_t allowance      # of bytes to inflate: at zero nothing is read until there is more
    cdef uint32_t key, utf8
    cdef uint8_t[FRAME_HEAD_BYTES_MAX] head
    cdef uint8_t head_size, first, message
    cdef bint masked            # the peer is a client: all its frames are
    cdef bint in_payload, deflated
    cdef bint inflating         # more comes of what the inflater was given; if `last`, the message ends
    cdef bint last
    cdef bint ascii             # `data` is a str, of ASCII so far
    cdef public bint dropping   # messages are read over: nobody takes them any more

    cdef void lend(self, const uint8_t *data, Py_ssize_t size) noexcept
    cdef int pull(self) except -1
    cdef object take_item(self)
    cdef object fault(self, int status, str code, str message)
    cdef object decoded(self, const uint8_t *data, Py_ssize_t size)
    cdef object too_big(self)
    cdef bint read_head(self) except -1
    cdef int check_start(self) except -1
    cdef int check_length(self, int length) except -1
    cdef int read_control(self) except -1
    cdef int read_whole(self) except -1
    cdef int read_part(self) except -1
    cdef int append(self, const uint8_t *data, Py_ssize_t size, uint32_t key) except -1
    cdef uint8_t *collected(self) noexcept
    cdef int grow(self, Py_ssize_t needed) except -1
    cdef int resize(self, Py_ssize_t size) except -1
    cdef int become_bytes(self, Py_ssize_t size) except -1
    cdef int append_inflated(self, bytes inflated) except -1
    cdef int inflate(self, Py_ssize_t size, bint last) except -1
    cdef int inflate_on(self) except -1
    cdef int finish_message(self) except -1
    cdef object take_data(self)

cdef int put_frame_head(uint8_t *to, int first, uint64_t size, bint masked) noexcept
