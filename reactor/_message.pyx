"""Messages as Python objects: Headers, Request, Response.

A head that was parsed is kept as it came: one bytes object that holds a copy of its text
and, before it, where each field lies. Nothing else is made until it is asked for, because
objects, not bytes, are what a request costs.

Knows: how to show a head, and how to build one that a peer would accept. Must never know: a
buffer, a connection, how a body is framed on the wire.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeLatin1
from libc.string cimport memchr, memcmp, memcpy

from reactor._fields cimport (
    CHUNKED, CONNECT, CONTINUE, RESPONSE, UPGRADE, no_facts, note_field, stays_open)
from reactor._rules cimport NO_RULE, Rule, rule_message

from collections.abc import Mapping

from reactor.errors import LocalProtocolError

cdef extern from "_scan.h" nogil:
    const int SCAN_TOKEN, SCAN_HEX, SCAN_TARGET
    bint scan_is(uint8_t byte, int classes)
    bint scan_same(const uint8_t *p, const char *lower, size_t size)
    const uint8_t *scan_while(const uint8_t *p, const uint8_t *end, int classes)
    const uint8_t *scan_token_end(const uint8_t *p, const uint8_t *end)
    const uint8_t *scan_value_end(const uint8_t *p, const uint8_t *end)

cdef enum:
    HTAB = 9
    SP = 32


# --- bytes in and out of str --------------------------------------------------------------

cdef inline str latin1(const uint8_t *p, Py_ssize_t size):
    return PyUnicode_DecodeLatin1(<const char *>p, size, NULL)


cdef inline bytes sliced(const uint8_t *p, Py_ssize_t size):
    return PyBytes_FromStringAndSize(<const char *>p, size)


cdef bytes wire_bytes(object text, str what):
    """Text of a head as it goes over the wire: bytes as they are, str as latin-1."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"a {what} is str or bytes, not {type(text).__name__}")
    try:
        return (<str>text).encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{what} {text!r} is not latin-1", what) from None


cdef bytes checked_name(object name):
    cdef bytes raw = wire_bytes(name, "field-name")
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(raw)
    # RFC 9110 5.1: a field name is a token.
    if len(raw) == 0 or scan_token_end(p, p + len(raw)) != p + len(raw):
        raise LocalProtocolError(f"field name {name!r} is not a token", "field-name")
    return raw


cdef bytes checked_value(object value):
    cdef bytes raw = wire_bytes(value, "field-value")
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(raw)
    # RFC 9110 5.5: CR, LF and NUL would let whoever chose the value write the rest of the head.
    if scan_value_end(p, p + len(raw)) != p + len(raw):
        raise LocalProtocolError(f"field value {value!r} holds a control byte", "field-value")
    return raw.strip(b" \t") if raw and (p[0] <= SP or p[len(raw) - 1] <= SP) else raw


# --- headers ------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
@cython.auto_pickle(False)
cdef class Headers:

    def __init__(self, fields=()):
        if self.block is not None:
            return
        if isinstance(fields, Headers):
            self.block = (<Headers>fields).block
            self.count = (<Headers>fields).count
            return
        if isinstance(fields, Mapping):
            fields = fields.items()
        cdef list pairs = [(checked_name(name), checked_value(value)) for name, value in fields]
        self.count = len(pairs)
        self.block = packed(pairs)

    cdef const Field *find(self, const uint8_t *name, uint32_t size) noexcept:
        cdef const uint8_t *text = self.text()
        cdef const Field *field = self.fields()
        cdef const Field *end = field + self.count
        while field < end:
            if field.name_size == size and same_name(text + field.name, name, size):
                return field
            field += 1
        return NULL

    cdef const Field *look_up(self, object name) except? NULL:
        cdef bytes raw
        if isinstance(name, str):
            if not (<str>name).isascii():
                return NULL
            raw = (<str>name).encode("ascii")
        elif isinstance(name, bytes):
            raw = name
        else:
            return NULL
        return self.find(<const uint8_t *>PyBytes_AS_STRING(raw), len(raw))

    def __getitem__(self, name):
        cdef const Field *field = self.look_up(name)
        if field == NULL:
            raise KeyError(name)
        return latin1(self.text() + field.value, field.value_size)

    def get(self, name, default=None):
        cdef const Field *field = self.look_up(name)
        if field == NULL:
            return default
        return latin1(self.text() + field.value, field.value_size)

    def __contains__(self, name):
        return self.look_up(name) != NULL

    def getall(self, name):
        cdef const uint8_t *text = self.text()
        cdef const Field *field = self.look_up(name)
        cdef const Field *end = self.fields() + self.count
        cdef const Field *first = field
        cdef list found = []
        while field != NULL and field < end:
            if field.name_size == first.name_size and same_name(
                    text + field.name, text + first.name, first.name_size):
                found.append(latin1(text + field.value, field.value_size))
            field += 1
        return found

    def __len__(self):
        return self.count

    def __iter__(self):
        return iter(self.keys())

    def keys(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *fields = self.fields()
        cdef uint32_t i
        return [latin1(text + fields[i].name, fields[i].name_size) for i in range(self.count)]

    def values(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *fields = self.fields()
        cdef uint32_t i
        return [latin1(text + fields[i].value, fields[i].value_size) for i in range(self.count)]

    def items(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *fields = self.fields()
        cdef uint32_t i
        return [(latin1(text + fields[i].name, fields[i].name_size),
                 latin1(text + fields[i].value, fields[i].value_size)) for i in range(self.count)]

    @property
    def raw(self):
        cdef const uint8_t *text = self.text()
        cdef const Field *fields = self.fields()
        cdef uint32_t i
        return tuple([(sliced(text + fields[i].name, fields[i].name_size),
                       sliced(text + fields[i].value, fields[i].value_size))
                      for i in range(self.count)])

    cdef tuple key(self):
        return tuple([(name.lower(), value) for name, value in self.raw])

    def __eq__(self, other):
        if not isinstance(other, Headers):
            return NotImplemented
        return self.key() == (<Headers>other).key()

    def __hash__(self):
        return hash(self.key())

    def __reduce__(self):
        return Headers, (self.raw,)

    def __repr__(self):
        return f"Headers({self.items()!r})"


Mapping.register(Headers)


cdef inline bint same_name(const uint8_t *a, const uint8_t *b, uint32_t size) noexcept:
    """Equal without regard to ASCII case; `a` is a token, `b` may be anything."""
    cdef uint32_t i
    for i in range(size):
        if a[i] != b[i] and ((a[i] ^ b[i]) != 0x20 or not is_letter(a[i])):
            return False
    return True


cdef inline bint is_letter(uint8_t byte) noexcept:
    return c'a' <= (byte | 0x20) <= c'z'


cdef bytes packed(list pairs):
    """Names and values, checked before, as the block of a Headers."""
    cdef bytes name, value, block
    cdef Py_ssize_t size = 0
    for name, value in pairs:
        size += len(name) + len(value)
    if size > <Py_ssize_t>0x7fffffff:
        raise LocalProtocolError("the header fields are over 2 GiB", "fields-size")
    block = PyBytes_FromStringAndSize(NULL, len(pairs) * <Py_ssize_t>sizeof(Field) + size)
    cdef Field *field = <Field *>PyBytes_AS_STRING(block)
    cdef uint8_t *text = <uint8_t *>(field + len(pairs))
    cdef uint32_t at = 0
    for name, value in pairs:
        field.name = at
        field.name_size = len(name)
        memcpy(text + at, PyBytes_AS_STRING(name), field.name_size)
        at += field.name_size
        field.value = at
        field.value_size = len(value)
        memcpy(text + at, PyBytes_AS_STRING(value), field.value_size)
        at += field.value_size
        field += 1
    return block


cdef inline bytes block_of(const Field *fields, uint32_t count, const uint8_t *text,
                           uint32_t size):
    cdef size_t fields_size = count * sizeof(Field)
    cdef bytes block = PyBytes_FromStringAndSize(NULL, fields_size + size)
    cdef char *to = PyBytes_AS_STRING(block)
    memcpy(to, fields, fields_size)
    memcpy(to + fields_size, text, size)
    return block


cdef Headers headers_in(bytes block, uint32_t count):
    cdef Headers headers = Headers.__new__(Headers)
    headers.block = block
    headers.count = count
    return headers


cdef Headers headers_of(const Field *fields, uint32_t count, const uint8_t *text, uint32_t size):
    return headers_in(block_of(fields, count, text, size), count)


cdef Headers as_headers(object fields):
    return fields if isinstance(fields, Headers) else Headers(fields)


# --- what requests and responses share ----------------------------------------------------

@cython.freelist(64)
@cython.auto_pickle(False)
cdef class Message:

    cdef Headers get_headers(self):
        if self.header_view is None:
            self.header_view = headers_in(self.block, self.count)
        return self.header_view

    cdef str field_text(self, uint32_t index):
        """The value of the index-th field (from one), or None for zero."""
        if index == 0:
            return None
        cdef Headers headers = self.get_headers()
        cdef const Field *field = headers.fields() + (index - 1)
        return latin1(headers.text() + field.value, field.value_size)

    @property
    def version(self):
        return self.facts.version

    @property
    def headers(self):
        return self.get_headers()

    @property
    def body(self):
        return self.content

    @property
    def complete(self):
        return self.whole

    def with_body(self, bytes body):
        cdef Message message = type(self).__new__(type(self))
        message.block = self.block
        message.count = self.count
        message.target_at = self.target_at
        message.target_size = self.target_size
        message.status_code = self.status_code
        message.facts = self.facts
        message.word = self.word
        message.target_text = self.target_text
        message.header_view = self.header_view
        message.content = body
        message.peer = self.peer
        message.whole = True
        message.end_at = self.end_at
        return message

    @property
    def end(self):
        return self.end_at

    @property
    def content_length(self):
        return None if self.facts.content_length < 0 else self.facts.content_length

    @property
    def chunked(self):
        return (self.facts.flags & CHUNKED) != 0

    @property
    def keep_alive(self):
        return stays_open(&self.facts)

    @property
    def upgrade(self):
        # RFC 9110 7.8: it counts only if Connection lists it, and never in HTTP/1.0.
        if not self.facts.flags & UPGRADE or self.facts.version < 11:
            return None
        return self.field_text(self.facts.upgrade)


cdef int take_fields(Message message, object fields, int version, uint32_t flags) except -1:
    """Fill a message that this side made; what its fields say is held to the same rules."""
    cdef Headers headers = as_headers(fields)
    cdef uint32_t i
    cdef Rule rule
    if version != 10 and version != 11:
        raise LocalProtocolError(f"version {version!r} is neither 10 nor 11", "version")
    no_facts(&message.facts, version, flags)
    for i in range(headers.count):
        rule = note_field(&message.facts, headers.text(), headers.fields() + i, i + 1)
        if rule != NO_RULE:
            raise LocalProtocolError(rule_message(rule))
    message.header_view = headers
    message.block = headers.block
    message.count = headers.count
    message.whole = True
    return 0


# --- requests -----------------------------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class Request(Message):

    def __init__(self, method, target, headers=(), body=b"", version=11):
        cdef bytes verb = wire_bytes(method, "method")
        cdef bytes where = wire_bytes(target, "target")
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(verb)
        if len(verb) == 0 or scan_token_end(p, p + len(verb)) != p + len(verb):
            raise LocalProtocolError(f"method {method!r} is not a token", "method")
        self.word = method_text(p, len(verb))
        p = <const uint8_t *>PyBytes_AS_STRING(where)
        if len(where) == 0 or scan_while(p, p + len(where), SCAN_TARGET) != p + len(where):
            raise LocalProtocolError(f"target {target!r} is empty or holds a byte that no "
                                     "target may", "target")
        self.target_text = latin1(p, len(where))
        take_fields(self, headers, version, CONNECT if verb == b"CONNECT" else 0)
        self.content = content_of(body)

    cdef str get_target(self):
        if self.target_text is None:
            self.target_text = PyUnicode_DecodeASCII(
                PyBytes_AS_STRING(self.block) + self.count * sizeof(Field) + self.target_at,
                self.target_size, NULL)
        return self.target_text

    @property
    def method(self):
        return self.word

    @property
    def target(self):
        return self.get_target()

    @property
    def client(self):
        return self.peer

    @client.setter
    def client(self, client):
        self.peer = client

    @property
    def host(self):
        cdef str target = self.get_target()
        # RFC 9112 3.2.2: the target's own authority wins over Host.
        if self.facts.flags & CONNECT:
            return target
        if target[0] not in "/*":
            return split_absolute(target)[0]
        return self.field_text(self.facts.host)

    @property
    def path(self):
        return percent_decoded(self.origin_target().partition("?")[0])

    @property
    def query(self):
        return self.origin_target().partition("?")[2]

    cdef str origin_target(self):
        """Path and query, whichever of the four forms they came in."""
        cdef str target = self.get_target()
        if self.facts.flags & CONNECT:
            return ""
        if target[0] in "/*":
            return target
        return split_absolute(target)[1]

    @property
    def expect_continue(self):
        return (self.facts.flags & CONTINUE) != 0

    @property
    def expect(self):
        if self.facts.expect == 0:
            return None
        return ", ".join(self.get_headers().getall("expect"))

    def __repr__(self):
        return f"<Request {self.word} {self.get_target()} HTTP/1.{self.facts.version - 10}>"


cdef tuple split_absolute(str target):
    """(authority, path and query) of an absolute-form target; the path is never empty."""
    cdef str rest = target.partition("://")[2]
    cdef Py_ssize_t i
    for i in range(len(rest)):
        if rest[i] == "/":
            return rest[:i], rest[i:]
        if rest[i] == "?":
            return rest[:i], "/" + rest[i:]
    return rest, "/"


cdef str percent_decoded(str path):
    """RFC 3986 2.1; an escape that is none stays as it is."""
    if "%" not in path:
        return path
    cdef bytes raw = path.encode("ascii")
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(raw)
    cdef const uint8_t *end = p + len(raw)
    cdef bytearray decoded = bytearray()
    while p < end:
        if p[0] == c'%' and end - p > 2 and scan_is(p[1], SCAN_HEX) and scan_is(p[2], SCAN_HEX):
            decoded.append(hex_digit(p[1]) << 4 | hex_digit(p[2]))
            p += 3
        else:
            decoded.append(p[0])
            p += 1
    return decoded.decode("utf-8", "surrogateescape")


cdef inline int hex_digit(uint8_t byte) noexcept:
    return byte - c'0' if byte <= c'9' else (byte | 0x20) - c'a' + 10


# Interned, so that a comparison with a literal is one of identity. The most frequent first.
cdef tuple METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT",
                      "TRACE", "QUERY")
cdef enum:
    METHOD_COUNT = 10
cdef const char *METHOD_BYTES = b"GET    POST   HEAD   PUT    DELETE OPTIONSPATCH  CONNECTTRACE  QUERY  "
cdef uint8_t[METHOD_COUNT] METHOD_SIZES = [3, 4, 4, 3, 6, 7, 5, 7, 5, 5]


cdef str method_text(const uint8_t *p, uint32_t size):
    cdef int i
    for i in range(METHOD_COUNT):
        if METHOD_SIZES[i] == size and not memcmp(METHOD_BYTES + 7 * i, p, size):
            return METHODS[i]
    return latin1(p, size)


cdef Request request_of(const Head *head, const uint8_t *text):
    """The Request of a head that was scanned to its end; its body is for others to add."""
    cdef Request request = Request.__new__(Request)
    request.block = block_of(head.fields, head.count, text, head.pos)
    request.count = head.count
    request.facts = head.facts
    request.word = method_text(text + head.word, head.word_size)
    request.target_at = head.target
    request.target_size = head.target_size
    request.content = b""
    request.whole = head.facts.content_length <= 0 and not head.facts.flags & CHUNKED
    request.end_at = head.pos
    return request


# --- responses ----------------------------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class Response(Message):

    def __init__(self, status=200, headers=(), body=b"", reason=None):
        if not 100 <= status <= 999:
            raise LocalProtocolError(f"status {status!r} is not between 100 and 999", "status")
        self.status_code = status
        if reason is not None:
            self.word = checked_value(reason).decode("latin-1")
        take_fields(self, headers, 11, RESPONSE)
        self.content = content_of(body)

    @property
    def status(self):
        return self.status_code

    @property
    def reason(self):
        return reason_of(self.status_code) if self.word is None else self.word

    def __repr__(self):
        return f"<Response {self.status_code} {self.reason}>"


cdef object content_of(object body):
    """bytes and str become bytes; a file or an iterable stays what it is; None is no body."""
    if isinstance(body, bytes):
        return body
    if body is None:
        return b""
    if isinstance(body, str):
        return (<str>body).encode("utf-8")
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)
    if hasattr(body, "__iter__") or (hasattr(body, "read") and hasattr(body, "fileno")):
        return body
    raise TypeError("a body is bytes, str, a file or an iterable of bytes, "
                    f"not {type(body).__name__}")


cdef Response response_of(const Head *head, const uint8_t *text):
    """The Response of a head that was scanned to its end; its body is for others to add."""
    cdef Response response = Response.__new__(Response)
    response.block = block_of(head.fields, head.count, text, head.pos)
    response.count = head.count
    response.facts = head.facts
    response.status_code = head.status
    response.word = latin1(text + head.word, head.word_size)
    response.content = b""
    # RFC 9112 6.3: these never have a body; of the others only a length of zero ends here.
    response.whole = (head.status < 200 or head.status == 204 or head.status == 304
                      or (head.facts.content_length == 0))
    response.end_at = head.pos
    return response


# RFC 9110 15, and the later ones of the IANA registry.
cdef dict REASONS = {
    100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
    200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information",
    204: "No Content", 205: "Reset Content", 206: "Partial Content", 207: "Multi-Status",
    208: "Already Reported", 226: "IM Used",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other",
    304: "Not Modified", 305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    407: "Proxy Authentication Required", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
    414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable",
    417: "Expectation Failed", 421: "Misdirected Request", 422: "Unprocessable Content",
    423: "Locked", 424: "Failed Dependency", 425: "Too Early", 426: "Upgrade Required",
    428: "Precondition Required", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates", 507: "Insufficient Storage", 508: "Loop Detected",
    511: "Network Authentication Required",
}


cdef str reason_of(int status):
    return REASONS.get(status, "Unknown")
