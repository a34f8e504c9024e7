"""Every rule that a peer can break: its status, its code, its sentence, its source.

This is the only place that turns a broken rule into an exception. It knows words, and must
never know how a rule is checked: the scanners report a `Rule` and an offset.
"""

from reactor.errors import RemoteProtocolError

# In the order of `Rule`, which a test compares: (status, code, sentence, source).
RULES = (
    (500, "none", "no rule is broken", ""),
    (400, "not-http", "the peer does not speak HTTP (TLS on a plain port?)", "RFC 9112 3"),
    (400, "empty-lines", "too many empty lines before the start line", "RFC 9112 2.2"),
    (400, "bare-cr", "a CR that no LF follows", "RFC 9112 2.2"),
    (400, "bare-lf", "a line that ends in LF without CR", "RFC 9112 2.2"),
    (400, "method", "the method is not a token followed by one space", "RFC 9110 9.1"),
    (501, "method-size", "the method is too long", "RFC 9112 3"),
    (400, "target", "a byte that no request target may hold", "RFC 9112 3.2"),
    (400, "target-form", "a target of no form that this method may have", "RFC 9112 3.2"),
    (414, "request-line-size", "the request line is too long", "RFC 9112 3"),
    (400, "version", "the HTTP version is not HTTP/DIGIT.DIGIT", "RFC 9112 2.3"),
    (505, "version-unsupported", "only HTTP/1.x is spoken here", "RFC 9110 2.5"),
    (400, "status-line", "the status line is not version, three digits, reason", "RFC 9112 4"),
    (431, "status-line-size", "the status line is too long", "RFC 9112 4"),
    (400, "leading-space", "white space before the first field", "RFC 9112 2.2"),
    (400, "obs-fold", "a field line that begins with white space", "RFC 9112 5.2"),
    (400, "field-name", "a field name that is not a token", "RFC 9110 5.1"),
    (400, "space-before-colon", "white space between field name and colon", "RFC 9112 5.1"),
    (400, "field-colon", "a field line without a colon", "RFC 9112 5"),
    (400, "field-value", "a control byte in a field value", "RFC 9110 5.5"),
    (431, "field-size", "a field line is too long", "RFC 9110 5.4"),
    (431, "fields-size", "the fields together are too long", "RFC 9110 5.4"),
    (431, "field-count", "too many fields", "RFC 9110 5.4"),
    (400, "host-missing", "HTTP/1.1 without Host", "RFC 9112 3.2"),
    (400, "host-twice", "more than one Host", "RFC 9112 3.2"),
    (400, "host", "a Host that is not a host and port", "RFC 9112 3.2"),
    (400, "content-length", "a Content-Length that is not only digits", "RFC 9112 6.2"),
    (400, "content-length-size", "a Content-Length beyond 2^63-1", "RFC 9110 8.6"),
    (400, "content-length-twice", "more than one Content-Length", "RFC 9112 6.3"),
    (400, "transfer-encoding", "chunked is not the last transfer coding", "RFC 9112 6.3"),
    (501, "transfer-coding", "a transfer coding other than chunked", "RFC 9112 6.1"),
    (400, "transfer-encoding-twice", "more than one Transfer-Encoding", "RFC 9112 6.1"),
    (400, "length-and-encoding", "Content-Length with Transfer-Encoding", "RFC 9112 6.1"),
    (400, "encoding-in-1.0", "Transfer-Encoding in HTTP/1.0", "RFC 9112 6.1"),
    (400, "connect-body", "CONNECT has no body", "RFC 9110 9.3.6"),
    (400, "chunk-size", "a chunk size that is not only hex digits", "RFC 9112 7.1"),
    (400, "chunk-size-limit", "a chunk size of over 16 digits, or beyond 2^63-1", "RFC 9112 7.1"),
    (400, "chunk-extension", "a chunk extension that breaks its grammar", "RFC 9112 7.1.1"),
    (400, "chunk-extension-size", "a chunk's extensions are too long", "RFC 9112 7.1.1"),
    (400, "chunk-extensions-size", "the chunk extensions of a body are too long", "RFC 9112 7.1.1"),
    (400, "chunk-end", "chunk data that CRLF does not follow", "RFC 9112 7.1"),
    (400, "chunk-overhead", "a body of more framing than data", "RFC 9112 7.1.1"),
    (400, "trailer-name", "a field that no trailer section may hold", "RFC 9110 6.5.1"),
    (431, "trailers-size", "the trailers together are too long", "RFC 9112 7.1.2"),
    (431, "trailer-count", "too many trailers", "RFC 9112 7.1.2"),
    (400, "incomplete", "the peer closed in the middle of a message", "RFC 9112 8"),
)

cdef object broken(Rule rule, int64_t offset):
    """The exception for a rule that the peer broke at this offset of its message.

    NO_RULE is a scan that broke off because there was no memory.
    """
    if rule == NO_RULE:
        return MemoryError()
    status, code, message, source = RULES[rule]
    return RemoteProtocolError(status, code, f"{message} ({source})", offset)


cdef str rule_message(Rule rule):
    return RULES[rule][2]
