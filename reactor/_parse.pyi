"""bytes -> heads: join and split, and the stateless parser."""

from collections.abc import Iterable

from _typeshed import ReadableBuffer as Buffer

from reactor.limits import Limits
from reactor.parser._message import Request, Response

def join(chunks: Iterable[Buffer]) -> bytes:
    """All chunks as one bytes object.

    >>> join([b"HTTP/1.1 200", b" OK"])
    b'HTTP/1.1 200 OK'
    """

def split_head(data: Buffer) -> tuple[bytes, bytes] | None:
    """Head and body of a message, without the blank line between them; None without one.

    >>> split_head(b"HTTP/1.1 200 OK\\r\\nA: b\\r\\n\\r\\nbody")
    (b'HTTP/1.1 200 OK\\r\\nA: b', b'body')
    """

def split_message(chunks: Iterable[Buffer]) -> tuple[bytes, bytes] | None:
    """Head and body of a message that arrived in chunks; the blank line may be cut anywhere.

    The body is copied once. ``b"".join(chunks).split(b"\\r\\n\\r\\n", 1)`` copies it twice and
    holds both copies.

    >>> split_message([b"HTTP/1.1 200 OK\\r", b"\\n\\r", b"\\nbo", b"dy"])
    (b'HTTP/1.1 200 OK', b'body')
    >>> split_message([b"HTTP/1.1 200 OK\\r\\n"]) is None
    True

    Raises:
        BufferError: a chunk that is not contiguous.
    """

def parse_request(data: Buffer, start: int = 0, limits: Limits | None = None) -> Request | None:
    """The request head at ``data[start:]``; None if it is not all there yet.

    ``request.end`` is where the body begins. It keeps no state: for a head that arrives in
    pieces, ``reactor.RequestParser`` looks at each byte once.

    >>> r = parse_request(b"GET /a?b HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n")
    >>> r.method, r.target, r.headers["host"], r.end
    ('GET', '/a?b', 'example.com', 40)
    >>> parse_request(b"GET /a?b HTT") is None
    True

    Raises:
        RemoteProtocolError: a rule of RFC 9110 or 9112 is broken, or a limit passed; its
            ``status`` answers it, its ``offset`` is relative to ``start``.

    >>> parse_request(b"GET / HTTP/1.1\\r\\nHo st: a\\r\\n\\r\\n")
    Traceback (most recent call last):
    reactor.errors.RemoteProtocolError: white space between field name and colon ... (at byte 18)
    """

def parse_response(
    data: Buffer, start: int = 0, limits: Limits | None = None, lenient: bool = False
) -> Response | None:
    """The response head at ``data[start:]``; None if it is not all there yet.

    Args:
        lenient: for a client; also take what leaves no doubt about where the message ends:
            lines that end in a bare LF, folds and controls (they become spaces), no reason,
            equal lengths, ... docs/client.md has the table. Some of it ends the connection.

    >>> r = parse_response(b"HTTP/1.1 304 Not Modified\\r\\nETag: \\"x\\"\\r\\n\\r\\n")
    >>> r.status, r.reason, r.headers["etag"], r.complete
    (304, 'Not Modified', '"x"', True)
    >>> parse_response(b"HTTP/1.0 200\\nA: b\\n\\n", lenient=True).headers["a"]
    'b'

    Raises:
        RemoteProtocolError: as for requests.
    """
