"""What needs no second look: URLs that stand for themselves, and names that are harmless already.

Nearly all of ten thousand are, and a look at each of their bytes in Python costs more than the
fetch. Whatever is not plain here is for `url.py` and `names.py` to read. What is must come out as
they have it, by urllib's parser: tests/test_url.py holds the two against each other, byte by byte,
at every bound that is written here a second time. The docstrings are in `_plain_request.pyi`.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcmp, strchr, strstr

from reactor.parser._digits import parse_digits

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(str text)
    const uint8_t *PyUnicode_1BYTE_DATA(str text)
    Py_ssize_t PyUnicode_GET_LENGTH(str text)
    str PyUnicode_Substring(str text, Py_ssize_t start, Py_ssize_t end)

cdef enum:
    # A DNS name (RFC 1035 2.3.4, written with dots), and a TCP port.
    HOST_MAX = 253
    PORT_DIGITS_MAX = 5
    PORT_MAX = 65535
    NAME_MAX = 200          # names.NAME_BYTES_MAX less what may be added to it

# Besides letters and digits. Not "@", "[", "#": each makes a part of its own.
cdef const char *IN_PATH = b"-._~/?%:!$&'()*+,;="
cdef const char *IN_NAME = b"-._~!$&'()+,;=@"

# Most URLs of a list are of one host: the last origin, and how far it reached in its URL.
cdef tuple last_origin = None
cdef str last_url = None
cdef Py_ssize_t last_end = 0


cdef inline bint is_lower_or_digit(uint8_t byte) noexcept:
    return c'a' <= byte <= c'z' or c'0' <= byte <= c'9'


cdef inline bint is_alphanumeric(uint8_t byte) noexcept:
    return is_lower_or_digit(byte) or c'A' <= byte <= c'Z'


def plain_url(str text not None):
    global last_origin, last_url, last_end
    cdef const uint8_t *p
    cdef Py_ssize_t size, start, i
    if not PyUnicode_IS_ASCII(text):
        return None
    p = PyUnicode_1BYTE_DATA(text)
    size = PyUnicode_GET_LENGTH(text)
    if (last_url is not None and size > last_end and p[last_end] == c'/'
            and memcmp(p, PyUnicode_1BYTE_DATA(last_url), last_end) == 0):
        start = last_end
    else:
        start = end_of_host(p, size)
        if start < 0:
            return None
        origin = origin_of(text, start)
        if origin is None:
            return None
        last_origin, last_url, last_end = origin, text, start
    for i in range(start, size):
        # strchr finds the NUL at the end too.
        if is_alphanumeric(p[i]):
            continue
        # A segment that begins with a dot, or with an escape, may be "." or "..".
        if (p[i] == 0 or strchr(IN_PATH, p[i]) == NULL
                or p[i - 1] == c'/' and (p[i] == c'.' or p[i] == c'%')):
            return None
    if start == size:
        return last_origin, "/"
    # Of an empty query the "?" is taken away by who reads it the long way.
    return None if p[size - 1] == c'?' else (last_origin, PyUnicode_Substring(text, start, size))


cdef Py_ssize_t end_of_host(const uint8_t *p, Py_ssize_t size) noexcept:
    """Where the path begins, or the text ends; -1 if that is not reached by "http(s)://HOST"."""
    cdef Py_ssize_t i
    if size > 7 and memcmp(p, b"http://", 7) == 0:
        i = 7
    elif size > 8 and memcmp(p, b"https://", 8) == 0:
        i = 8
    else:
        return -1
    while i < size and p[i] != c'/':
        if not is_lower_or_digit(p[i]) and p[i] != c'.' and p[i] != c'-' and p[i] != c':':
            return -1
        i += 1
    return i


cdef tuple origin_of(str text, Py_ssize_t end):
    """Scheme, host and port of what `end_of_host` has passed; None if the port is none."""
    scheme, _, authority = text[:end].partition("://")
    host, colon, port = authority.partition(":")
    if not host or len(host) > HOST_MAX:
        return None
    if not colon:
        return scheme, host, 80 if scheme == "http" else 443
    number = parse_digits(port, PORT_DIGITS_MAX)
    return None if number is None or number > PORT_MAX else (scheme, host, number)


def plain_name(str target not None):
    cdef const uint8_t *p
    cdef Py_ssize_t i, start = 0, end
    if not PyUnicode_IS_ASCII(target):
        return None
    p = PyUnicode_1BYTE_DATA(target)
    end = PyUnicode_GET_LENGTH(target)
    for i in range(end):
        if p[i] == c'/':
            start = i + 1
        elif p[i] == c'?':
            end = i
            break
    return PyUnicode_Substring(target, start, end) if is_plain(p + start, end - start) else None


cdef bint is_plain(const uint8_t *p, Py_ssize_t size) noexcept:
    """Whether `names.harmless` would change nothing of a name."""
    cdef Py_ssize_t i, stem = size
    if not 0 < size <= NAME_MAX or p[0] == c'-' or p[0] == c'.' or p[size - 1] == c'.':
        return False
    for i in range(size):
        if not is_alphanumeric(p[i]) and (p[i] == 0 or strchr(IN_NAME, p[i]) == NULL):
            return False
        if p[i] == c'.' and stem == size:
            stem = i
    return not (3 <= stem <= 4 and maybe_device(p) or ends_with(p, size, b".part", 5)
                or ends_with(p, size, b".part.json", 10))


cdef bint maybe_device(const uint8_t *p) noexcept:
    """Whether it begins as a name of Windows' devices does."""
    cdef char[4] lowered
    cdef int i
    for i in range(3):
        lowered[i] = p[i] | 0x20
    lowered[3] = 0
    return strstr(b"con prn aux nul com lpt", lowered) != NULL


cdef bint ends_with(const uint8_t *p, Py_ssize_t size, const char *suffix,
                    Py_ssize_t count) noexcept:
    """In any case; the suffix is in lower case."""
    cdef Py_ssize_t i
    if size < count:
        return False
    for i in range(count):
        if p[size - count + i] | 0x20 != <uint8_t>suffix[i]:
            return False
    return True
