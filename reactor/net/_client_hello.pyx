"""The first message of a client that speaks TLS, looked at before OpenSSL is given it.

`ssl` does not tell which protocols a client offers (ALPN): if there is none in common it goes on as
if none had been offered. RFC 7301 3.2 wants an alert instead, so that nobody is taken for a server
of another protocol (ALPACA). Of a name that is no ASCII it shows a traceback on stderr. And it has no
say in the groups that keys are agreed on in: OpenSSL takes those of finite fields too, where a
handshake is forty times the work, for a client that only pretends to do its part (CVE-2002-20001).

Must never know: a socket; whether the message is right in all else. What is not understood here is
for OpenSSL to judge.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp, memmove

cdef enum:
    HANDSHAKE = 22
    TLS = 3                     # the first byte of all its versions
    CLIENT_HELLO = 1
    SERVER_NAME = 0
    GROUPS = 10
    ALPN = 16
    KEY_SHARE = 51
    RECORD_HEADER = 5
    MESSAGE_HEADER = 4
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


cdef Py_ssize_t gather(uint8_t *data, Py_ssize_t size, Py_ssize_t *message) noexcept:
    cdef Py_ssize_t at = 0, got = 0, length
    cdef Py_ssize_t whole = MESSAGE_HEADER
    message[0] = 0
    while got < whole:
        if at < size and data[at] != HANDSHAKE:
            return 0
        if size - at < RECORD_HEADER:
            return at + RECORD_HEADER
        if data[at + 1] != TLS:
            return 0
        length = data[at + 3] << 8 | data[at + 4]
        at += RECORD_HEADER
        if length == 0:
            return 0
        if size - at < length:
            return at + length
        memmove(data + got, data + at, length)
        at += length
        got += length
        if whole == MESSAGE_HEADER and got >= whole:
            if data[0] != CLIENT_HELLO:
                return 0
            whole += data[1] << 16 | data[2] << 8 | data[3]
    message[0] = whole
    return at


cdef int alert_for(const uint8_t *message, Py_ssize_t size, bytes known) noexcept:
    cdef Cursor hello
    cdef Cursor part
    cdef Cursor extension
    hello.p = message + MESSAGE_HEADER
    hello.end = message + size
    if hello.end - hello.p < FIXED:
        return 0
    hello.p += FIXED
    # Session, ciphers, compression, and then the extensions.
    if not (enter(&hello, 1, &part) and enter(&hello, 2, &part) and enter(&hello, 1, &part)
            and enter(&hello, 2, &part)):
        return 0
    while part.p < part.end:
        kind = number(&part, 2)
        if not enter(&part, 2, &extension):
            return 0
        if kind == SERVER_NAME and not is_ascii(extension):
            return UNRECOGNIZED_NAME
        if kind == GROUPS and not has_curve(extension):
            return HANDSHAKE_FAILURE
        if kind == KEY_SHARE and shares_finite_field(extension):
            return HANDSHAKE_FAILURE
        if kind == ALPN and known is not None and not has_one_of(extension, known):
            return NO_APPLICATION_PROTOCOL
    return 0


cdef bint is_ascii(Cursor name) noexcept:
    """RFC 6066 3: a name is ASCII. CPython shows its decoder's traceback of another."""
    cdef Cursor names
    cdef Cursor text
    if not enter(&name, 2, &names):
        return True
    while number(&names, 1) >= 0 and enter(&names, 2, &text):
        while text.p < text.end:
            if text.p[0] >= 0x80:
                return False
            text.p += 1
    return True


cdef bint is_finite_field(Py_ssize_t group) noexcept:
    return 0x100 <= group < 0x200  # RFC 7919 2


cdef bint has_curve(Cursor extension) noexcept:
    """Whether a client that names groups of finite fields names another one of those there are."""
    cdef Cursor groups
    cdef Py_ssize_t group
    cdef bint finite = False
    if not enter(&extension, 2, &groups):
        return True
    while (group := number(&groups, 2)) >= 0:
        # The curves of RFC 8446 4.2.7, and those that go with a key for after quantum computers.
        if 23 <= group <= 30 or 0x11EB <= group <= 0x11ED:
            return True
        finite = finite or is_finite_field(group)
    return not finite


cdef bint shares_finite_field(Cursor extension) noexcept:
    """Whether it has begun with such a group, which OpenSSL then goes on with."""
    cdef Cursor shares
    cdef Cursor key
    cdef Py_ssize_t group
    if not enter(&extension, 2, &shares):
        return False
    while (group := number(&shares, 2)) >= 0 and enter(&shares, 2, &key):
        if is_finite_field(group):
            return True
    return False


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
