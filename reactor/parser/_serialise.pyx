"""Bytes out: heads, whole messages and chunk frames.

Whatever leaves here can be read in one way only: CR, LF, NUL and names that are no tokens are
refused, and so are fields that contradict each other or the body. Must never know a socket,
nor what was sent before.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from reactor.parser._buffer cimport ByteBuffer, buffer_free, buffer_put
from reactor.parser._fields cimport ENCODED, Field, is_forbidden_trailer
from reactor.parser._headers cimport Headers
from reactor.parser._length cimport check_length, said_length
from reactor.parser._message cimport Request, Response
from reactor.parser._reasons cimport reason_of
from reactor.parser._writing cimport put_chunk, put_fields, put_length, status_line

from reactor.errors import LocalProtocolError

# RFC 9110 8.6: a request of these ought to say that it has no content.
cdef frozenset METHODS_WITH_CONTENT = frozenset(("POST", "PUT", "PATCH"))


def serialise_request(method, target, headers=(), body=b"", int version=11):
    cdef Request request = Request(method, target, headers, body, version)
    # RFC 9112 3.2: a client MUST send Host in every HTTP/1.1 request.
    if version == 11 and request.facts.host == 0:
        raise LocalProtocolError("an HTTP/1.1 request needs a Host field", "host-missing")
    cdef bytes line = (f"{request.method_text} {request.get_target()} "
                       f"HTTP/1.{version - 10}\r\n").encode("latin-1")
    if body is None:
        return head_bytes(line, request.get_headers(), -1)
    cdef bytes content = content_bytes(request.content)
    check_length(request.facts.content_length, len(content))
    cdef bint framed = (request.facts.content_length >= 0 or request.facts.flags & ENCODED
                        or not (content or request.method_text in METHODS_WITH_CONTENT))
    return head_bytes(line, request.get_headers(), -1 if framed else len(content)) + content


def serialise_response(status, headers=(), body=b"", reason=None, int version=11):
    cdef Response response = Response(status, headers, body, reason)
    cdef int code = status
    cdef bytes line = status_line(response, version)
    if version != 10 and version != 11:
        raise LocalProtocolError(f"version {version} is neither 10 nor 11", "version")
    if body is None:
        return head_bytes(line, response.get_headers(), -1)
    cdef bytes content = content_bytes(response.content)
    cdef int64_t length = said_length(
        None, code, response.facts.content_length, len(content), False)
    if response.facts.content_length >= 0 or response.facts.flags & ENCODED:
        length = -1  # the fields say it
    return head_bytes(line, response.get_headers(), length) + content


def serialise_chunk(data):
    # Through a view: bytes(5) would be five zeros.
    cdef bytes content = data if isinstance(data, bytes) else bytes(memoryview(data))
    # RFC 9112 7.1: a chunk of no bytes would end the body.
    if not content:
        return b""
    cdef ByteBuffer chunk
    memset(&chunk, 0, sizeof(ByteBuffer))
    try:
        put_chunk(&chunk, PyBytes_AS_STRING(content), len(content))
        return chunk.base[:chunk.end]
    finally:
        buffer_free(&chunk)


def serialise_last_chunk(trailers=()):
    cdef Headers fields = Headers(trailers)
    cdef const Field *field = fields.fields()
    cdef uint32_t i
    for i in range(fields.count):
        # RFC 9110 6.5.1: framing, routing and authentication belong in the head.
        if is_forbidden_trailer(fields.text() + field[i].name, field[i].name_size):
            raise LocalProtocolError("a field that no trailer section may hold", "trailer-name")
    return head_bytes(b"0\r\n", fields, -1)


def reason_phrase(int status):
    return reason_of(status)


cdef bytes content_bytes(object content):
    if not isinstance(content, bytes):
        raise TypeError("a body to serialise is bytes or str")
    return content


cdef bytes head_bytes(bytes line, Headers headers, int64_t length):
    """The start line, the fields, a Content-Length unless it is -1, and the blank line."""
    cdef ByteBuffer head
    memset(&head, 0, sizeof(ByteBuffer))
    try:
        buffer_put(&head, PyBytes_AS_STRING(line), len(line))
        return with_fields(&head, headers, length)
    finally:
        buffer_free(&head)


cdef bytes with_fields(ByteBuffer *head, Headers headers, int64_t length):
    put_fields(head, headers, False)
    if length >= 0:
        put_length(head, length)
    buffer_put(head, b"\r\n", 2)
    return head.base[:head.end]
