"""What field lines mean for framing: the C face of `_fields.pyx`."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from reactor.parser._rules cimport Rule

cdef struct Field:
    # One field line: name and trimmed value, as offsets from the start of the message.
    uint32_t name, name_size, value, value_size

cdef enum Fact:
    CHUNKED = 1
    ENCODED = 2         # there is a Transfer-Encoding, whatever it says
    CLOSE = 4
    KEEP_ALIVE = 8
    UPGRADE = 16        # Connection lists "upgrade"
    CONTINUE = 32       # Expect is exactly 100-continue
    CONNECT = 64        # the method is CONNECT
    RESPONSE = 128
    ABSOLUTE = 256      # the target is in absolute-form: its authority wins over Host
    LENIENT = 512       # a response for a client that takes what leaves no doubt

cdef struct Facts:
    # What the fields say together. An index of a field counts from one; zero is none.
    int64_t content_length      # -1: none
    uint32_t host, expect, upgrade, flags
    int version                 # 10 or 11

cdef enum FramingName:
    # Length and first letter of the names that are looked at.
    HOST_NAME = 4 << 8 | 0x68
    EXPECT_NAME = 6 << 8 | 0x65
    UPGRADE_NAME = 7 << 8 | 0x75
    CONNECTION_NAME = 10 << 8 | 0x63
    CONTENT_LENGTH_NAME = 14 << 8 | 0x63
    TRANSFER_ENCODING_NAME = 17 << 8 | 0x74

cdef inline uint32_t name_key(const uint8_t *name, uint32_t size) noexcept nogil:
    return size << 8 | name[0] | 0x20

cdef inline bint may_frame(uint32_t key) noexcept nogil:
    """False for nearly every name: those need no further look."""
    return (key == HOST_NAME or key == CONNECTION_NAME or key == CONTENT_LENGTH_NAME
            or key == TRANSFER_ENCODING_NAME or key == EXPECT_NAME or key == UPGRADE_NAME)

cdef void no_facts(Facts *facts, int version, uint32_t flags) noexcept nogil
cdef Rule note_field(Facts *facts, const uint8_t *text, const Field *field,
                     uint32_t index) noexcept nogil
cdef bint note_target(Facts *facts, const uint8_t *method, uint32_t method_size,
                      const uint8_t *target, uint32_t target_size) noexcept nogil
cdef bint may_repair(Facts *facts, const uint8_t *name, uint32_t size) noexcept nogil
cdef bint is_forbidden_trailer(const uint8_t *name, uint32_t size) noexcept nogil
cdef bint stays_open(const Facts *facts) noexcept nogil
