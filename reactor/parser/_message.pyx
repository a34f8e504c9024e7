"""Messages as Python objects: Request and Response.

One object a message: what framing needs are C members, the rest is made when it is asked for
from the block that its headers share (`_headers.pyx`).

Knows: what a start line says, and how to build a message that a peer would accept. Must never
know: a buffer, a connection, how a body is framed on the wire.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memcmp

from reactor.parser._fields cimport (
    ABSOLUTE, CHUNKED, CONNECT, CONTINUE, LENIENT, RESPONSE, UPGRADE, Facts, Field, may_frame,
    name_key, no_facts, note_field, note_target, stays_open)
from reactor.parser._headers cimport as_headers, block_of, checked_value, headers_in, text_in, wire_bytes
from reactor.parser._length cimport status_has_content
from reactor.parser._lines cimport blank_values
from reactor.parser._names cimport PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH, ascii, known_method, latin1
from reactor.parser._reasons cimport reason_of
from reactor.parser._rules cimport NO_RULE, Rule, rule_message
from reactor.parser._target cimport decoded_path, query_mark, split_absolute

from io import BytesIO

from reactor.errors import LocalProtocolError
from reactor.parser._arrival import PLAINLY as _PLAINLY

cdef extern from "_scan.h" nogil:
    const int SCAN_TARGET
    const uint8_t *scan_while(const uint8_t *p, const uint8_t *end, int classes)
    const uint8_t *scan_token_end(const uint8_t *p, const uint8_t *end)


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
        cdef const Field *field = self.field(index)
        return latin1(text_in(self.block, self.count) + field.value, field.value_size)

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


cdef Message with_content(Message copy, Message message, object body):
    """`copy`, a new object, as `message` but whole, with this body."""
    copy.block = message.block
    copy.count = message.count
    copy.target_at = message.target_at
    copy.target_size = message.target_size
    copy.status_code = message.status_code
    copy.facts = message.facts
    copy.method_text = message.method_text
    copy.reason_text = message.reason_text
    copy.target_text = message.target_text
    copy.header_view = message.header_view
    copy.peer = message.peer
    copy.arrived = message.arrived
    copy.end_at = message.end_at
    copy.content = body
    copy.complete = True
    return copy


cdef int take_headers(Message message, Headers headers) except -1:
    """Fill a message that this side made; what its fields say is held to the same rules."""
    message.header_view = headers
    message.block = headers.block
    message.count = headers.count
    message.complete = True
    return 0


cdef int note_headers(Facts *facts, Headers headers) except -1:
    cdef const uint8_t *text = headers.text()
    cdef const Field *field = headers.fields()
    cdef uint32_t i
    cdef Rule rule
    for i in range(headers.count):
        if may_frame(name_key(text + field[i].name, field[i].name_size)):
            rule = note_field(facts, text, field + i, i + 1)
            if rule != NO_RULE:
                raise LocalProtocolError(rule_message(rule))
    return 0


# --- copies -------------------------------------------------------------------------------

cdef bint same_body(Message one, Message other) except -1:
    return one.complete == other.complete and one.body == other.body


cdef tuple state_of(Message message):
    """What a message is besides its parts, for `restore`."""
    return message.body, message.facts.flags, message.complete, message.end_at


cdef int restore(Message message, Headers headers, uint32_t flags, object content, bint complete,
                 int64_t end) except -1:
    """What was received is not judged a second time: fields that a parser took are taken."""
    cdef uint32_t i
    for i in range(headers.count):
        note_field(&message.facts, headers.text(), headers.fields() + i, i + 1)
    message.facts.flags |= flags
    take_headers(message, headers)
    message.content = content_of(content)
    message.complete = complete
    message.end_at = end
    return 0


def _request(method, target, int version, headers, content, uint32_t flags, bint complete,
             int64_t end, client):
    cdef Request request = Request(method, target, (), b"", version)
    restore(request, as_headers(headers), flags & ~RESPONSE, content, complete, end)
    request.peer = client
    return request


def _response(status, reason, int version, headers, content, uint32_t flags, bint complete,
              int64_t end):
    cdef Response response = Response(status, (), b"", reason)
    no_facts(&response.facts, 10 if version == 10 else 11, RESPONSE | (flags & LENIENT))
    restore(response, as_headers(headers), flags, content, complete, end)
    return response


# --- requests -----------------------------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class Request(Message):

    def __init__(self, method, target, headers=(), body=b"", version=11):
        if version != 10 and version != 11:
            raise LocalProtocolError(f"version {version!r} is neither 10 nor 11", "version")
        cdef bytes verb = wire_bytes(method, "method")
        cdef bytes where = wire_bytes(target, "target")
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(verb)
        if len(verb) == 0 or scan_token_end(p, p + len(verb)) != p + len(verb):
            raise LocalProtocolError(f"method {method!r} is not a token", "method")
        self.method_text = known_method(p, len(verb))
        p = <const uint8_t *>PyBytes_AS_STRING(where)
        if len(where) == 0 or scan_while(p, p + len(where), SCAN_TARGET) != p + len(where):
            raise LocalProtocolError(f"target {target!r} is empty or holds a byte that no "
                                     "target may", "target")
        self.target_text = latin1(p, len(where))
        no_facts(&self.facts, version, 0)
        if not note_target(&self.facts, <const uint8_t *>PyBytes_AS_STRING(verb), len(verb),
                           p, len(where)):
            raise LocalProtocolError(f"{method} may not have the target {target!r}", "target-form")
        cdef Headers fields = as_headers(headers)
        note_headers(&self.facts, fields)
        take_headers(self, fields)
        self.content = content_of(body)

    cdef str get_target(self):
        if self.target_text is None:
            self.target_text = ascii(text_in(self.block, self.count) + self.target_at, self.target_size)
        return self.target_text

    def with_body(self, bytes body not None):
        return with_content(Request.__new__(Request), self, body)

    @property
    def method(self):
        return self.method_text

    @property
    def body(self):
        if self.content is None:
            # What is loaded once is kept: whoever asks once asks again.
            self.content = self.reader.load()
        return self.content

    @property
    def stream(self):
        if self.reader is None:
            self.reader = BytesIO(self.content)
        return self.reader

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
    def exchange(self):
        return None if self.answerer is None else self.answerer.open_exchange()

    def websocket(self, handler, subprotocols=(), headers=()):
        from reactor.parser.websocket_answer import websocket_of
        return websocket_of(self.exchange, handler, subprotocols, headers)

    @property
    def arrival(self):
        return _PLAINLY if self.arrived is None else self.arrived

    @property
    def scheme(self):
        return "http" if self.arrived is None else self.arrived.scheme

    @property
    def tls(self):
        return None if self.arrived is None else self.arrived.tls

    @property
    def host(self):
        if self.arrived is not None and self.arrived.host is not None:
            return self.arrived.host
        # RFC 9112 3.2.2: the target's own authority wins over Host.
        if self.facts.flags & CONNECT:
            return self.get_target()
        if self.facts.flags & ABSOLUTE:
            return split_absolute(self.get_target())[0]
        if self.facts.host == 0:
            return None
        cdef const Field *field = self.field(self.facts.host)
        return ascii(text_in(self.block, self.count) + field.value, field.value_size)

    @property
    def path(self):
        cdef const uint8_t *p
        cdef const uint8_t *end
        kept = self.view_origin(&p, &end)
        return decoded_path(p, query_mark(p, end) - p)

    @property
    def query(self):
        cdef const uint8_t *p
        cdef const uint8_t *end
        kept = self.view_origin(&p, &end)
        p = query_mark(p, end)
        return "" if p == end else ascii(p + 1, end - p - 1)

    cdef object view_origin(self, const uint8_t **p, const uint8_t **end):
        """Point at the bytes of `origin_target`; what is returned keeps them there."""
        if self.target_text is None and not self.facts.flags & (CONNECT | ABSOLUTE):
            p[0] = text_in(self.block, self.count) + self.target_at
            end[0] = p[0] + self.target_size
            return self.block
        cdef str target = self.origin_target()
        p[0] = PyUnicode_1BYTE_DATA(target)
        end[0] = p[0] + PyUnicode_GET_LENGTH(target)
        return target

    cdef str origin_target(self):
        """Path and query, whichever of the four forms they came in."""
        if self.facts.flags & CONNECT:
            return ""
        if self.facts.flags & ABSOLUTE:
            return split_absolute(self.get_target())[1]
        return self.get_target()

    @property
    def expect_continue(self):
        return (self.facts.flags & CONTINUE) != 0

    @property
    def expect(self):
        if self.facts.expect == 0:
            return None
        return ", ".join(self.get_headers().getall("expect"))

    cdef tuple key(self):
        return self.method_text, self.get_target(), self.facts.version, self.get_headers()

    def __eq__(self, other):
        if not isinstance(other, Request):
            return NotImplemented
        return same_body(self, <Message>other) and self.key() == (<Request>other).key()

    def __hash__(self):
        return hash(self.key())

    def __reduce__(self):
        return _request, (*self.key(), *state_of(self), self.peer)

    def __repr__(self):
        return f"<Request {self.method_text} {self.get_target()} HTTP/1.{self.facts.version - 10}>"


cdef Request with_collected(Request request, object body):
    """The same request with what was collected: bytes, or a `reactor.http.app.BodyFile`."""
    cdef bint loaded = type(body) is bytes
    cdef Request copy = with_content(Request.__new__(Request), request, body if loaded else None)
    copy.reader = None if loaded else body
    return copy


cdef Request request_of(const Head *head, const uint8_t *text):
    """The Request of a head that was scanned to its end; its body is for others to add."""
    cdef Request request = Request.__new__(Request)
    request.block = block_of(head.fields, head.count, text, head.pos)
    request.count = head.count
    request.facts = head.facts
    request.method_text = known_method(text + head.word, head.word_size)
    request.target_at = head.target
    request.target_size = head.target_size
    request.content = b""
    request.complete = head.facts.content_length <= 0 and not head.facts.flags & CHUNKED
    request.end_at = head.pos
    return request


# --- responses ----------------------------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class Response(Message):

    def __init__(self, status=200, headers=(), body=b"", reason=None):
        if not isinstance(status, int):
            raise TypeError(f"a status is an int, not {type(status).__name__}: Response(200)")
        if not 100 <= status <= 999:
            raise LocalProtocolError(f"status {status!r} is not between 100 and 999", "status")
        fill_response(self, status, as_headers(headers), body, reason)

    def with_body(self, body not None):
        return with_content(Response.__new__(Response), self, content_of(body))

    @property
    def status(self):
        return self.status_code

    @property
    def reason(self):
        return reason_of(self.status_code) if self.reason_text is None else self.reason_text

    cdef tuple key(self):
        return self.status_code, self.reason, self.facts.version, self.get_headers()

    def __eq__(self, other):
        if not isinstance(other, Response):
            return NotImplemented
        return same_body(self, <Message>other) and self.key() == (<Response>other).key()

    def __hash__(self):
        return hash(self.key())

    def __reduce__(self):
        return _response, (*self.key(), *state_of(self))

    def __repr__(self):
        return f"<Response {self.status_code} {self.reason}>"


cdef int fill_response(Response response, int status, Headers headers, object body,
                       object reason) except -1:
    response.status_code = status
    if reason is not None:
        response.reason_text = checked_value(reason).decode("latin-1")
    if not headers.noted:
        no_facts(&headers.facts, 11, RESPONSE)
        note_headers(&headers.facts, headers)
        headers.noted = True
    response.facts = headers.facts
    take_headers(response, headers)
    response.content = content_of(body)
    return 0


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
    if hasattr(body, "__iter__") or hasattr(body, "read") or hasattr(body, "__aiter__"):
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
    response.reason_text = latin1(text + head.word, head.word_size)
    if head.repaired:
        blank_values(<Field *>PyBytes_AS_STRING(response.block), head.count)
        response.reason_text = response.reason_text.translate(BLANKS)
    response.content = b""
    # RFC 9112 6.3: of those that have a body, only one with a length of zero ends here.
    response.complete = not status_has_content(head.status) or head.facts.content_length == 0
    response.end_at = head.pos
    return response


# What `blank_values` would make of a reason.
cdef dict BLANKS = {byte: " " for byte in (*range(9), *range(10, 32), 127)}
