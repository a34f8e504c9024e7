"""The first message of a client that speaks TLS, looked at before OpenSSL is given it.

`ssl` does not tell which protocols a client offers (ALPN): if there is none in common it goes on as
if none had been offered. RFC 7301 3.2 wants an alert instead, so that nobody is taken for a server
of another protocol (ALPACA).

Must never know: a socket; whether the message is right in all else. What is not understood here is
for OpenSSL to judge.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp

cdef enum:
    HANDSHAKE = 22
    CLIENT_HELLO = 1
    ALPN = 16
    # The version, and as many random bytes (RFC 8446 4.1.2).
    FIXED = 2 + 32


cdef struct Cursor:
    const uint8_t *p
    const uint8_t *end


cdef Py_ssize_t number(Cursor *cursor, int width) noexcept:
    """The next number; -1 if there is none."""
    cdef Py_ssize_t value = 0
    if cursor.end - cursor.p < width:
        return -1
    for _ in range(width):
        value = value << 8 | cursor.p[0]
        cursor.p += 1
    return value


cdef bint enter(Cursor *cursor, int width, Cursor *inside) noexcept:
    """Step over what has its size, a number of this width, before it; ``inside`` is that."""
    cdef Py_ssize_t size = number(cursor, width)
    if size < 0 or cursor.end - cursor.p < size:
        return False
    inside.p = cursor.p
    inside.end = cursor.p = cursor.p + size
    return True


cdef Py_ssize_t record_size(const uint8_t *data, Py_ssize_t size) noexcept:
    if size < 1 or data[0] != HANDSHAKE:
        return 0
    return 5 if size < 5 else 5 + (data[3] << 8 | data[4])


cdef bint shares_protocol(const uint8_t *data, Py_ssize_t size, bytes known) noexcept:
    cdef Cursor hello
    cdef Cursor part
    cdef Cursor extension
    hello.p = data + 5
    hello.end = data + size
    if number(&hello, 1) != CLIENT_HELLO or not enter(&hello, 3, &part):
        return True  # of several records, or something else
    hello = part
    if hello.end - hello.p < FIXED:
        return True
    hello.p += FIXED
    # Session, ciphers, compression, and then the extensions.
    if not (enter(&hello, 1, &part) and enter(&hello, 2, &part) and enter(&hello, 1, &part)
            and enter(&hello, 2, &part)):
        return True
    while part.p < part.end:
        kind = number(&part, 2)
        if not enter(&part, 2, &extension):
            return True
        if kind == ALPN:
            return has_one_of(extension, known)
    return True


cdef bint has_one_of(Cursor extension, bytes known) noexcept:
    """Whether one of the names in both lists is the same."""
    cdef Cursor offered
    cdef Cursor ours
    cdef Cursor name
    cdef Cursor own
    if not enter(&extension, 2, &offered):
        return True
    while offered.p < offered.end:
        if not enter(&offered, 1, &name):
            return True
        ours.p = <const uint8_t *>PyBytes_AS_STRING(known)
        ours.end = ours.p + PyBytes_GET_SIZE(known)
        while enter(&ours, 1, &own):
            if (own.end - own.p == name.end - name.p
                    and memcmp(own.p, name.p, name.end - name.p) == 0):
                return True
    return False
