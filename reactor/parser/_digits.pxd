"""Digits: the C face of `_digits.pyx`."""

from libc.stdint cimport uint8_t, uint64_t

cdef enum:
    DECIMAL_MAX = 20            # digits of any uint64_t

cdef enum Number:
    NUMBER
    NO_NUMBER                   # nothing, or something that is no digit
    TOO_LARGE

cdef inline int digit_of(uint8_t byte) noexcept nogil:
    """0 to 9; -1 for what is no digit."""
    return byte - c'0' if c'0' <= byte <= c'9' else -1

cdef inline int hex_digit_of(uint8_t byte) noexcept nogil:
    """0 to 15; -1 for what is no hexadecimal digit."""
    if c'a' <= (byte | 0x20) <= c'f':
        return (byte | 0x20) - c'a' + 10
    return digit_of(byte)

cdef inline uint8_t *write_decimal(uint8_t *end, uint64_t number) noexcept nogil:
    """Its digits, so that they end at `end`, behind at least DECIMAL_MAX bytes of room; where
    they begin."""
    while True:
        end -= 1
        end[0] = c'0' + number % 10
        number //= 10
        if number == 0:
            return end

cdef inline Number read_decimal(const uint8_t *p, const uint8_t *end, uint64_t most,
                                uint64_t *found) noexcept nogil:
    """1*DIGIT, up to `most`, which has at most 19 digits; `found` is set for a NUMBER alone.

    Judged from left to right: what is too large is that, whatever comes behind it.
    """
    cdef uint64_t number = 0
    cdef int digit
    if p == end:
        return NO_NUMBER
    while p < end:
        digit = digit_of(p[0])
        if digit < 0:
            return NO_NUMBER
        # RFC 9110 8.6: no number wraps round, so the first of the two is asked first.
        if number > most // 10:
            return TOO_LARGE
        number = number * 10 + digit
        if number > most:
            return TOO_LARGE
        p += 1
    found[0] = number
    return NUMBER
