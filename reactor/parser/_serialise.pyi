"""Bytes out: whole messages, heads, and chunk frames."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from _typeshed import ReadableBuffer as Buffer

from reactor.parser._headers import Headers

_Text: TypeAlias = str | bytes
_Fields: TypeAlias = Headers | Mapping[Any, Any] | Iterable[tuple[_Text, _Text]]

def serialise_request(
    method: _Text,
    target: _Text,
    headers: _Fields = (),
    body: bytes | str | None = b"",
    version: int = 11,
) -> bytes:
    """A request. Content-Length is added if there is a body and no framing field.

    With ``body=None`` only the head, with nothing added.

    >>> serialise_request("GET", "/", {"Host": "a"})
    b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'
    >>> serialise_request("POST", "/", {"Host": "a"}, b"hi")
    b'POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 2\\r\\n\\r\\nhi'

    Raises:
        LocalProtocolError: what would break HTTP: CR, LF or NUL anywhere, a name that is no
            token, a length that is not the body's, no Host.
    """

def serialise_response(
    status: int,
    headers: _Fields = (),
    body: bytes | str | None = b"",
    reason: _Text | None = None,
    version: int = 11,
) -> bytes:
    """A response. Content-Length is added without a framing field, if it may have a body.

    With ``body=None`` only the head, with nothing added.

    >>> serialise_response(200, {"Content-Type": "text/plain"}, b"hi")
    b'HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 2\\r\\n\\r\\nhi'
    >>> serialise_response(204)
    b'HTTP/1.1 204 No Content\\r\\n\\r\\n'

    Raises:
        LocalProtocolError: as for requests.
    """

def serialise_chunk(data: Buffer) -> bytes:
    """A chunk of a chunked body; ``b""`` for no data, since an empty chunk would end it.

    >>> serialise_chunk(b"hello")
    b'5\\r\\nhello\\r\\n'
    """

def serialise_last_chunk(trailers: _Fields = ()) -> bytes:
    """The end of a chunked body.

    >>> serialise_last_chunk({"Digest": "x"})
    b'0\\r\\nDigest: x\\r\\n\\r\\n'

    Raises:
        LocalProtocolError: a field that no trailer section may hold.
    """

def reason_phrase(status: int) -> str:
    """The registered reason of a status.

    >>> reason_phrase(404)
    'Not Found'
    """
