"""How a line of the access log looks: combined, JSON, logfmt, or whatever a function makes of it.

What a client chose can neither end a line nor close a quote, nor drive a terminal: all but printable
ASCII is escaped, as the format has it. Nearly always there is nothing to escape, and then the bytes
that were received are copied once.

Must never know: when lines are written, and where.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memchr, memcpy, strlen
from libc.time cimport time as c_time

from reactor.parser._buffer cimport buffer_put, buffer_reserve
from reactor.parser._digits cimport DECIMAL_MAX, write_decimal
from reactor.parser._fields cimport Field
from reactor.parser._headers cimport text_in
from reactor.parser._names cimport PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH, PyUnicode_IS_ASCII

import time
from json.encoder import encode_basestring_ascii

from reactor.http._sent_bytes import ENDINGS

cdef extern from "_scan.h" nogil:
    bint scan_same(const uint8_t *p, const char *lower, size_t size)

cdef extern from *:
    """
    /* Whether it is printable ASCII without a quote or a backslash. Without a way out of the loop:
     * so the compiler looks at sixteen bytes at once. As signed, what is not ASCII is below. */
    static inline int is_clean(const uint8_t *p, Py_ssize_t size)
    {
        const signed char *s = (const signed char *)p;
        signed char bad = 0;
        for (Py_ssize_t i = 0; i < size; i++)
            bad |= (signed char)((s[i] < 0x20) | (s[i] == 0x7f) | (s[i] == '"') | (s[i] == 92));
        return bad == 0;
    }
    """
    bint is_clean(const uint8_t *p, Py_ssize_t size) noexcept nogil

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *now)
    const int CLOCK_REALTIME

cdef enum:
    BACKSLASH = 0x5c
    EQUALS = 0x3d
    SPACE = 0x20

cdef const char *HEX = b"0123456789abcdef"
cdef tuple CLOSES = tuple(name.encode("ascii") for name in ENDINGS)


# --- parts of a line -----------------------------------------------------------------------------

cdef int put_escaped(ByteBuffer *to, const uint8_t *p, Py_ssize_t size) except -1:
    r"""Every other byte as \xNN."""
    cdef uint8_t *at
    cdef Py_ssize_t i
    if is_clean(p, size):
        return buffer_put(to, p, size)
    at = buffer_reserve(to, 4 * size)
    for i in range(size):
        if is_clean(p + i, 1):
            at[0] = p[i]
            at += 1
        else:
            at[0] = BACKSLASH
            at[1] = c'x'
            at[2] = HEX[p[i] >> 4]
            at[3] = HEX[p[i] & 15]
            at += 4
    to.end = at - to.base
    return 0


cdef int put_decimal(ByteBuffer *to, int64_t number) except -1:
    cdef uint8_t[DECIMAL_MAX] digits
    cdef uint8_t *end = digits + DECIMAL_MAX
    cdef uint8_t *first = write_decimal(end, number)
    return buffer_put(to, first, end - first)


cdef int put_host(ByteBuffer *to, object peer) except -1:
    """The address without its port; ``-``: it has none, as a Unix socket's."""
    if type(peer) is tuple and len(<tuple>peer):
        host = (<tuple>peer)[0]
        if type(host) is str and PyUnicode_IS_ASCII(host) and PyUnicode_GET_LENGTH(host):
            return put_escaped(to, PyUnicode_1BYTE_DATA(host), PyUnicode_GET_LENGTH(host))
    return buffer_put(to, b"-", 1)


cdef int put_text(ByteBuffer *to, str text) except -1:
    """Of a request, so it is latin-1, as bytes of the wire are."""
    return put_escaped(to, PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text))


cdef int put_target(ByteBuffer *to, Request request) except -1:
    if request.target_text is None:
        return put_escaped(to, text_in(request.block, request.count) + request.target_at,
                           request.target_size)
    return put_text(to, request.target_text)


cdef const uint8_t *value_of(Request request, const char *lower, uint32_t size,
                             Py_ssize_t *value_size) noexcept:
    """The first field of that name; NULL: there is none."""
    cdef const uint8_t *text = text_in(request.block, request.count)
    cdef const Field *field = <const Field *>PyBytes_AS_STRING(request.block)
    cdef const Field *end = field + request.count
    while field < end:
        if field.name_size == size and scan_same(text + field.name, lower, size):
            value_size[0] = field.value_size
            return text + field.value
        field += 1
    return NULL


cdef int put_quoted_field(ByteBuffer *to, Request request, const char *lower,
                          uint32_t size) except -1:
    cdef Py_ssize_t value_size = 0
    cdef const uint8_t *value = NULL
    if request is not None:
        value = value_of(request, lower, size, &value_size)
    buffer_put(to, b' "', 2)
    if value_size:
        put_escaped(to, value, value_size)
    else:
        buffer_put(to, b"-", 1)
    return buffer_put(to, b'"', 1)


# --- formats -------------------------------------------------------------------------------------

cdef class LineFormat:

    cdef int put(self, ByteBuffer *to, object peer, AnswerRecord record) except -1:
        raise NotImplementedError


cdef class Combined(LineFormat):

    def __cinit__(self):
        self.second = -1

    cdef int put(self, ByteBuffer *to, object peer, AnswerRecord record) except -1:
        cdef Request request = record.request
        cdef int64_t second = c_time(NULL)
        if second != self.second:
            self.stamp = time.strftime(
                " - - [%d/%b/%Y:%H:%M:%S +0000] \"", time.gmtime(second)).encode("ascii")
            self.second = second
        put_host(to, peer if request is None else request.peer)
        buffer_put(to, PyBytes_AS_STRING(self.stamp), PyBytes_GET_SIZE(self.stamp))
        if request is not None:
            put_text(to, request.method_text)
            buffer_put(to, b" ", 1)
            put_target(to, request)
            buffer_put(to, b" HTTP/1.1" if request.facts.version > 10 else b" HTTP/1.0", 9)
        elif record.line:
            put_escaped(to, <const uint8_t *>PyBytes_AS_STRING(record.line), len(record.line))
        else:
            buffer_put(to, b"-", 1)
        buffer_put(to, b'" ', 2)
        put_status(to, record.stamps.status)
        buffer_put(to, b" ", 1)
        put_decimal(to, record.body_bytes)
        put_quoted_field(to, request, b"referer", 7)
        put_quoted_field(to, request, b"user-agent", 10)
        if request is not None and request.arrived is not None and (
                request.arrived.peer is not None):
            # Behind the fields of the combined format, as nginx does it with X-Forwarded-For.
            buffer_put(to, b' "', 2)
            put_host(to, request.arrived.peer)
            buffer_put(to, b'"', 1)
        return buffer_put(to, b"\n", 1)


cdef int put_status(ByteBuffer *to, int status) except -1:
    """Three digits in any case: nginx's 000 is an answer that never began."""
    cdef uint8_t[3] digits
    digits[0] = c'0' + status // 100 % 10
    digits[1] = c'0' + status // 10 % 10
    digits[2] = c'0' + status % 10
    return buffer_put(to, digits, 3)


cdef class Pairs(LineFormat):

    def __init__(self, bint json, worker=None):
        self.json = json
        self.second = -1
        self.worker = None if worker is None else str(int(worker)).encode("ascii")

    cdef int put(self, ByteBuffer *to, object peer, AnswerRecord record) except -1:
        cdef Request request = record.request
        cdef timespec now
        self.to = to
        clock_gettime(CLOCK_REALTIME, &now)
        if now.tv_sec != self.second:
            self.stamp = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(now.tv_sec)).encode()
            self.second = now.tv_sec
        buffer_put(to, b'{"time":"', 9) if self.json else buffer_put(to, b"time=", 5)
        buffer_put(to, PyBytes_AS_STRING(self.stamp), PyBytes_GET_SIZE(self.stamp))
        put_status(to, now.tv_nsec // 1_000_000)  # three digits, too
        buffer_put(to, b'Z"' if self.json else b"Z", 2 if self.json else 1)
        self.clients(peer, request)
        if request is not None:
            self.asked(request)
        elif record.line is not None:
            self.text(b"request_line", <const uint8_t *>PyBytes_AS_STRING(record.line),
                      len(record.line))
        self.number(b"http.response.status_code", record.stamps.status)
        self.number(b"http.response.body.size", record.body_bytes)
        self.seconds(b"duration_s", record.stamps.taken_at - record.stamps.head_at)
        if record.stamps.first_at >= 0:
            self.seconds(b"ttfb_s", record.stamps.first_at - record.stamps.head_at)
        if request is not None:
            self.fields(request)
        close = <bytes>CLOSES[record.stamps.ending]
        self.text(b"close", <const uint8_t *>PyBytes_AS_STRING(close), len(close))
        if self.worker is not None:
            self.key(b"worker")
            buffer_put(to, PyBytes_AS_STRING(self.worker), PyBytes_GET_SIZE(self.worker))
        return buffer_put(to, b"}\n" if self.json else b"\n", 2 if self.json else 1)

    cdef int clients(self, object peer, Request request) except -1:
        cdef object between = None
        if request is not None:
            peer = request.peer
            between = None if request.arrived is None else request.arrived.peer
        self.key(b"client.address")
        buffer_put(self.to, b'"', self.json)
        put_host(self.to, peer)
        buffer_put(self.to, b'"', self.json)
        if between is not None:
            self.key(b"network.peer.address")
            buffer_put(self.to, b'"', self.json)
            put_host(self.to, between)
            buffer_put(self.to, b'"', self.json)
        return 0

    cdef int asked(self, Request request) except -1:
        cdef const uint8_t *p
        cdef const uint8_t *end
        cdef const uint8_t *mark
        cdef object kept = request.view_origin(&p, &end)
        cdef str method = request.method_text
        self.text(b"http.request.method", PyUnicode_1BYTE_DATA(method),
                  PyUnicode_GET_LENGTH(method))
        mark = <const uint8_t *>memchr(p, c'?', end - p) if end > p else NULL
        self.text(b"url.path", p, (end if mark == NULL else mark) - p)
        if mark != NULL:
            self.text(b"url.query", mark + 1, end - mark - 1)
        self.text(b"network.protocol.version",
                  b"1.1" if request.facts.version > 10 else b"1.0", 3)
        return 0

    cdef int fields(self, Request request) except -1:
        cdef Py_ssize_t size = 0
        cdef const uint8_t *value = value_of(request, b"referer", 7, &size)
        if value != NULL:
            self.text(b"http.request.header.referer", value, size)
        value = value_of(request, b"user-agent", 10, &size)
        if value != NULL:
            self.text(b"user_agent.original", value, size)
        value = value_of(request, b"traceparent", 11, &size)
        if value != NULL and is_trace(value, size):
            self.text(b"trace_id", value + 3, 32)
        return 0

    cdef int key(self, const char *name) except -1:
        if self.json:
            buffer_put(self.to, b',"', 2)
            buffer_put(self.to, name, strlen(name))
            return buffer_put(self.to, b'":', 2)
        buffer_put(self.to, b" ", 1)
        buffer_put(self.to, name, strlen(name))
        return buffer_put(self.to, b"=", 1)

    cdef int number(self, const char *name, int64_t value) except -1:
        self.key(name)
        return put_decimal(self.to, value)

    cdef int seconds(self, const char *name, double value) except -1:
        """With six digits behind the point."""
        cdef int64_t us = <int64_t>(1e6 * value + 0.5) if value > 0 else 0
        self.key(name)
        put_decimal(self.to, us // 1_000_000)
        buffer_put(self.to, b".", 1)
        put_status(self.to, us // 1000 % 1000)
        return put_status(self.to, us % 1000)

    cdef int text(self, const char *name, const uint8_t *p, Py_ssize_t size) except -1:
        cdef bint bare = not self.json and size > 0 and not memchr(p, SPACE, size) and not (
            memchr(p, EQUALS, size))
        self.key(name)
        if not is_clean(p, size):
            return put_string(self.to, p, size)
        if bare:
            return buffer_put(self.to, p, size)
        buffer_put(self.to, b'"', 1)
        buffer_put(self.to, p, size)
        return buffer_put(self.to, b'"', 1)


cdef int put_string(ByteBuffer *to, const uint8_t *p, Py_ssize_t size) except -1:
    """As JSON has it, of ASCII: what is no UTF-8 is a character for each byte (latin-1)."""
    cdef bytes raw = p[:size]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    raw = encode_basestring_ascii(text).encode("ascii")
    return buffer_put(to, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))


cdef bint is_trace(const uint8_t *p, Py_ssize_t size) noexcept:
    """W3C Trace Context 3.2: version, an id of 32 digits that is not zero, and what follows."""
    cdef Py_ssize_t i
    cdef bint some = False
    if size < 55 or p[2] != c'-' or p[35] != c'-':
        return False
    for i in range(3, 35):
        if not (c'0' <= p[i] <= c'9' or c'a' <= p[i] <= c'f'):
            return False
        some |= p[i] != c'0'
    return some


cdef class Custom(LineFormat):

    def __init__(self, line_of):
        self.line_of = line_of

    cdef int put(self, ByteBuffer *to, object peer, AnswerRecord record) except -1:
        # Whole before it is put: while Python's code runs another thread may put a line of its own.
        cdef bytes line = (<str>self.line_of(peer, record)).encode("ascii", "backslashreplace")
        buffer_put(to, PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
        return buffer_put(to, b"\n", 1)
