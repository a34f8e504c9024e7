"""Numbers in text, both ways: ASCII digits and nothing else.

``int()`` takes signs, spaces, underscores and the digits of every script. Each of these has made
two programs read one message in two ways.
"""

from reactor.parser._names cimport PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH, PyUnicode_IS_ASCII

cdef enum:
    DIGITS_MAX = 19             # so many fit a uint64_t, whichever they are

cdef uint64_t LARGEST = 9_999_999_999_999_999_999ULL


def parse_digits(str text not None, Py_ssize_t digits_max):
    cdef uint64_t number
    cdef const uint8_t *p
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(text)
    if size > min(digits_max, DIGITS_MAX) or not PyUnicode_IS_ASCII(text):
        return None
    p = PyUnicode_1BYTE_DATA(text)
    if read_decimal(p, p + size, LARGEST, &number) != NUMBER:
        return None
    return number


def parse_saturated(str text not None):
    cdef uint64_t number
    cdef Number kind
    cdef const uint8_t *p
    cdef const uint8_t *end
    if not PyUnicode_IS_ASCII(text):
        return None
    p = PyUnicode_1BYTE_DATA(text)
    end = p + PyUnicode_GET_LENGTH(text)
    kind = read_decimal(p, end, LARGEST, &number)
    if kind == TOO_LARGE:
        number = LARGEST
        while p < end and digit_of(p[0]) >= 0:
            p += 1
    return number if kind == NUMBER or p == end and kind == TOO_LARGE else None
