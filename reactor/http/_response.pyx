"""The head of a response as bytes.

The application's fields go out as they are; Date, Server and the framing are added here. The
fields that frame a message or speak about the connection are the machine's alone: an
application that sets one of them would frame its message a second time.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Realloc
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from reactor.parser._digits cimport DECIMAL_MAX, write_decimal
from reactor.parser._fields cimport Field
from reactor.parser._headers cimport Headers
from reactor.parser._reasons cimport reason_of

from reactor.errors import LocalProtocolError
from reactor.http.ascii import lower

cdef extern from "_scan.h" nogil:
    bint scan_same(const uint8_t *p, const char *lower, size_t size)

cdef enum:
    CAPACITY_FIRST = 1024   # most heads
    # RFC 9110 15.5.22: it has a field Upgrade, which is the machine's otherwise.
    UPGRADE_REQUIRED = 426
    # Of the fields that the machine adds: those that the application has set itself.
    SAYS_DATE = 1
    SAYS_SERVER = 2
    SAYS_THE_MACHINES = 4
    LOOKED_AT = 8
    # How long the names are that are looked for, a bit for each.
    SIZES = 1 << 2 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 16 | 1 << 17
    LONGEST = 17


cdef int put(Text *text, const void *data, Py_ssize_t size) except -1:
    cdef uint8_t *base
    cdef Py_ssize_t capacity
    if text.capacity - text.size < size:
        capacity = max(2 * text.capacity, text.size + size, CAPACITY_FIRST)
        base = <uint8_t *>PyMem_Realloc(text.base, capacity)
        if base == NULL:
            raise MemoryError()
        text.base = base
        text.capacity = capacity
    memcpy(text.base + text.size, data, size)
    text.size += size
    return 0


cdef bint is_the_machines(const uint8_t *name, Py_ssize_t size) noexcept:
    """Whether only the machine may say it: RFC 9110 7.6.1, RFC 9112 6.1 and 9.3."""
    if size == 2:
        return scan_same(name, b"te", 2)
    if size == 7:
        return scan_same(name, b"trailer", 7) or scan_same(name, b"upgrade", 7)
    if size == 10:
        return scan_same(name, b"connection", 10) or scan_same(name, b"keep-alive", 10)
    if size == 16:
        return scan_same(name, b"proxy-connection", 16)
    return size == 17 and scan_same(name, b"transfer-encoding", 17)


cdef int check_fields(Response response) except -1:
    if response.status_code < 200:
        raise LocalProtocolError(
            f"an application answers with a final status, not {response.status_code}")
    cdef Headers headers = response.get_headers()
    if says_of(headers) & SAYS_THE_MACHINES:
        return refuse_the_machines(headers, response.status_code == UPGRADE_REQUIRED)
    return 0


cpdef int refuse_the_machines(Headers headers, bint upgrade_required=False) except -1:
    cdef const Field *field = headers.fields()
    cdef uint32_t i
    if not says_of(headers) & SAYS_THE_MACHINES:
        return 0
    for i in range(headers.count):
        if is_the_machines(headers.text() + field[i].name, field[i].name_size):
            if upgrade_required and field[i].name_size == 7 and scan_same(
                    headers.text() + field[i].name, b"upgrade", 7):
                continue
            name = (headers.text() + field[i].name)[:field[i].name_size].decode("ascii")
            raise LocalProtocolError(f"an application may not set the field {name!r}")
    return 0


cdef inline int says_of(Headers headers) noexcept:
    return headers.says if headers.says else look_at(headers)


cdef int look_at(Headers headers) noexcept:
    """Note which fields of the machine's are there."""
    cdef const Field *field = headers.fields()
    cdef const uint8_t *text = headers.text()
    cdef const uint8_t *name
    cdef uint32_t i, size
    cdef int says = LOOKED_AT
    for i in range(headers.count):
        size = field[i].name_size
        if size > LONGEST or not 1 << size & SIZES:
            continue
        name = text + field[i].name
        if size == 4 and scan_same(name, b"date", 4):
            says |= SAYS_DATE
        elif size == 6 and scan_same(name, b"server", 6):
            says |= SAYS_SERVER
        elif is_the_machines(name, size):
            says |= SAYS_THE_MACHINES
    headers.says = says
    return says


cdef Response error_response(int status, str message, str retry_after, object extra):
    """A short plain answer; ``message`` is ours, never the peer's bytes. ``retry_after``: what
    a 503 says of it. ``extra``: fields of the application's, in place of ours of that name."""
    fields = [("Content-Type", "text/plain; charset=utf-8")]
    if status == 503:
        fields.append(("Retry-After", retry_after))
    if extra:
        replaced = {lower(name) for name, _ in extra}
        fields = [pair for pair in fields if lower(pair[0]) not in replaced] + list(extra)
    return Response(status, fields, f"{status} {reason_of(status)}: {message}\n")


cdef bint is_event_stream(Response response) except -1:
    """Whether its client comes again when it ends (HTML, server-sent events: EventSource)."""
    cdef Headers headers = response.get_headers()
    cdef const Field *field = headers.fields()
    cdef const uint8_t *text = headers.text()
    cdef uint32_t i
    for i in range(headers.count):
        if (field[i].name_size == 12 and scan_same(text + field[i].name, b"content-type", 12)
                and field[i].value_size >= 17
                and scan_same(text + field[i].value, b"text/event-stream", 17)):
            return True
    return False


# Status lines with the usual reason, made when they are first needed.
cdef list STATUS_LINES = [None] * 1000


cdef bytes status_line(Response response):
    if response.reason_text is not None:
        return f"HTTP/1.1 {response.status_code} {response.reason_text}\r\n".encode("latin-1")
    line = <bytes>STATUS_LINES[response.status_code]
    if line is None:
        line = f"HTTP/1.1 {response.status_code} {response.reason}\r\n".encode("ascii")
        STATUS_LINES[response.status_code] = line
    return line


cdef int put_head(Text *text, Response response, bytes date, int64_t length, bint chunked,
                  Persistence persistence) except -1:
    """Append the head; ``length`` below zero: no Content-Length."""
    cdef bytes line = status_line(response)
    cdef Headers headers = response.get_headers()
    cdef int says = says_of(headers)
    put(text, PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
    # The machine says the length, after it has compared it with the body.
    put_fields(text, headers, response.facts.content_length >= 0)
    if not says & SAYS_DATE:
        put(text, b"Date: ", 6)
        put(text, PyBytes_AS_STRING(date), PyBytes_GET_SIZE(date))
        put(text, b"\r\n", 2)
    if not says & SAYS_SERVER:
        put(text, b"Server: reactor\r\n", 17)
    if length >= 0:
        put(text, b"Content-Length: ", 16)
        put_number(text, length)
        put(text, b"\r\n", 2)
    elif chunked:
        put(text, b"Transfer-Encoding: chunked\r\n", 28)
    if response.status_code == UPGRADE_REQUIRED:
        put(text, b"Connection: Upgrade\r\n", 21)     # RFC 9110 7.8
    if persistence == CLOSING:
        put(text, b"Connection: close\r\n", 19)
    elif persistence == STAYING:
        put(text, b"Connection: keep-alive\r\n", 24)
    return put(text, b"\r\n", 2)


cdef int put_number(Text *text, int64_t number) except -1:
    cdef uint8_t[DECIMAL_MAX] digits
    cdef uint8_t *end = digits + DECIMAL_MAX
    cdef uint8_t *first = write_decimal(end, number)
    return put(text, first, end - first)


cdef int put_fields(Text *text, Headers headers, bint but_length) except -1:
    """Append the lines of the fields; ``but_length``: without that of Content-Length."""
    cdef const Field *field = headers.fields()
    cdef const uint8_t *from_ = headers.text()
    cdef Py_ssize_t end = 0
    cdef uint32_t i
    if not headers.in_lines:
        return put_each(text, headers, but_length)
    if but_length:
        for i in range(headers.count):
            if is_length(from_ + field[i].name, field[i].name_size):
                put(text, from_, field[i].name)
                end = field[i].value + field[i].value_size + 2
                break
    return put(text, from_ + end, headers.text_size() - end)


cdef int put_each(Text *text, Headers headers, bint but_length) except -1:
    cdef const Field *field = headers.fields()
    cdef const uint8_t *names = headers.text()
    cdef uint32_t i
    for i in range(headers.count):
        if but_length and is_length(names + field[i].name, field[i].name_size):
            continue
        put(text, names + field[i].name, field[i].name_size)
        put(text, b": ", 2)
        put(text, names + field[i].value, field[i].value_size)
        put(text, b"\r\n", 2)
    return 0


cdef inline bint is_length(const uint8_t *name, uint32_t size) noexcept:
    return size == 14 and scan_same(name, b"content-length", 14)
