"""The head of a response as bytes.

The application's fields go out as they are; Date, Server and the framing are added here. The
fields that frame a message or speak about the connection are the machine's alone: an
application that sets one of them would frame its message a second time.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t

from reactor.parser._buffer cimport buffer_put
from reactor.parser._fields cimport Field
from reactor.parser._headers cimport Headers
from reactor.parser._reasons cimport reason_of
from reactor.parser._writing cimport put_fields, put_length, status_line

from reactor.errors import LocalProtocolError
from reactor.http.ascii import lower

cdef extern from "_scan.h" nogil:
    bint scan_same(const uint8_t *p, const char *lower, size_t size)

cdef enum:
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


cdef int put_head(ByteBuffer *to, Response response, bytes date, int64_t length, bint chunked,
                  Persistence persistence) except -1:
    """Append the head; ``date``: the line of that field; ``length`` below zero: no Content-Length."""
    cdef Headers headers = response.get_headers()
    cdef int says = says_of(headers)
    cdef bytes line = status_line(response, 11)
    buffer_put(to, PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
    # The machine says the length, after it has compared it with the body.
    put_fields(to, headers, response.facts.content_length >= 0)
    if not says & SAYS_DATE:
        buffer_put(to, PyBytes_AS_STRING(date), PyBytes_GET_SIZE(date))
    if not says & SAYS_SERVER:
        buffer_put(to, b"Server: reactor\r\n", 17)
    if length >= 0:
        put_length(to, length)
    elif chunked:
        buffer_put(to, b"Transfer-Encoding: chunked\r\n", 28)
    if response.status_code == UPGRADE_REQUIRED:
        buffer_put(to, b"Connection: Upgrade\r\n", 21)     # RFC 9110 7.8
    if persistence == CLOSING:
        buffer_put(to, b"Connection: close\r\n", 19)
    elif persistence == STAYING:
        buffer_put(to, b"Connection: keep-alive\r\n", 24)
    return buffer_put(to, b"\r\n", 2)
