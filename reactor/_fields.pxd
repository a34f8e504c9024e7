"""What field lines mean for framing: the C face of `_fields.pyx`."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from reactor._rules cimport Rule

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

cdef struct Facts:
    # What the fields say together. An index of a field counts from one; zero is none.
    int64_t content_length      # -1: none
    uint32_t host, expect, upgrade, flags
    int version                 # 10 or 11

cdef void no_facts(Facts *facts, int version, uint32_t flags) noexcept nogil
cdef Rule note_field(Facts *facts, const uint8_t *text, const Field *field,
                     uint32_t index) noexcept nogil
cdef bint is_host(const uint8_t *p, const uint8_t *end, bint port_needed) noexcept nogil
cdef bint is_forbidden_trailer(const uint8_t *name, uint32_t size) noexcept nogil
cdef bint stays_open(const Facts *facts) noexcept nogil
