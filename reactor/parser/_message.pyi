"""Request and Response, as they are parsed and as an application makes them."""

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, BinaryIO, Protocol, TypeAlias, final, type_check_only

from typing_extensions import disjoint_base

from reactor.parser._arrival import Arrival
from reactor.parser._headers import Headers

_Text: TypeAlias = str | bytes
_Fields: TypeAlias = Headers | Mapping[Any, Any] | Iterable[tuple[_Text, _Text]]

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@disjoint_base
class Message:
    """What requests and responses share; immutable.

    They compare by what they say: method and target, or status and reason; version, headers, body.
    They pickle and copy, with their ``complete``, ``end`` and ``client``, if their bodies do.
    """

    @property
    def version(self) -> int:
        """11 for HTTP/1.1 (and any later 1.x), 10 for HTTP/1.0."""

    @property
    def headers(self) -> Headers:
        """Its fields, in the order in which they stand."""

    @property
    def body(self) -> Any:
        """The body. Of a parsed message: bytes, and ``b""`` unless ``complete``."""

    @property
    def complete(self) -> bool:
        """Whether the whole message is in this object."""

    @property
    def end(self) -> int:
        """The offset of the byte after the head, from the start of the buffer."""

    @property
    def content_length(self) -> int | None:
        """What Content-Length says; None without one."""

    @property
    def chunked(self) -> bool:
        """Whether its body comes in chunks."""

    @property
    def keep_alive(self) -> bool:
        """Whether another message may follow on this connection (RFC 9112 9.3).

        False after CONNECT: what follows is a tunnel, or nothing.
        """

    @property
    def upgrade(self) -> str | None:
        """The Upgrade field, if Connection lists it and the version is 1.1; else None."""

@final
class Request(Message):
    """A request.

    Args:
        method: a token; compared with case.
        target: ``/path?query``, ``http://host/path``, ``host:port`` (CONNECT) or ``*`` (OPTIONS).
        headers: a Headers, a Mapping, or pairs.
        body: bytes or str (sent as UTF-8).
        version: 10 or 11.

    Raises:
        LocalProtocolError: a part that no peer may be sent.

    >>> r = Request("GET", "/caf%C3%A9?x=1", {"Host": "example.com"})
    >>> r.path, r.query, r.host, r.keep_alive, r.complete
    ('/café', 'x=1', 'example.com', True, True)
    >>> Request("GET", "http://other.org/a", {"Host": "example.com"}).host
    'other.org'
    """

    def __init__(
        self,
        method: _Text,
        target: _Text,
        headers: _Fields = (),
        body: Any = b"",
        version: int = 11,
    ) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def with_body(self, body: bytes) -> Request:
        """The same request with a body that was collected from its parts; complete."""

    @property
    def stream(self) -> BinaryIO:
        """The body as a file, from its first byte; one for each request, with one place in it.

        A server keeps a large body in a file (`Limits.body_in_memory_bytes_max`), and this reads
        it from there; `body` loads all of it into memory.

        >>> Request("POST", "/", body=b"one two").stream.read(3)
        b'one'
        """

    @property
    def method(self) -> str:
        """The method, with the case it was sent in."""

    @property
    def target(self) -> str:
        """The request target as it was sent."""

    @property
    def path(self) -> str:
        """The path of the target, percent-decoded as UTF-8 (bytes that are none: surrogates).

        >>> Request("GET", "/a%2Fb%zz").path
        '/a/b%zz'
        """

    @property
    def query(self) -> str:
        """What follows the first ``?``, as it was sent; ``""`` if there is none."""

    @property
    def exchange(self) -> Any:
        """The `reactor.http._exchange.Exchange`, for an answer that comes later or in pieces.

        Ask for it while the application is called with this request: at other times it is None. It
        may be kept.
        """

    def websocket(
        self,
        handler: Any,
        subprotocols: Iterable[str] = (),
        headers: _Fields = (),
    ) -> Any:
        """Open a WebSocket; to be returned by the application (docs/websocket.md).

        Args:
            handler: a subclass of `reactor.WebSocket`, what makes such an object, or the object.
            subprotocols: which are spoken here; the first that the client offers too is chosen.
            headers: of the answer, besides the handshake's.

        A request that opens no WebSocket gets an answer that says why: 426, 400, or 403 for a
        page of a foreign origin.

        An asynchronous handler that has waited gets a `WebSocketAnswer`, and returns that.
        """

    @property
    def host(self) -> str | None:
        """Whom the request is for: what a trusted proxy says, the target's own authority if it has
        one, else Host."""

    @property
    def arrival(self) -> Arrival:
        """What the connection, or a trusted proxy, says of how the request came. Its ``peer`` is
        the address of the proxy; None where the client itself has connected."""

    @property
    def scheme(self) -> str:
        """``"https"`` if the request came over TLS, to this server or to a trusted proxy in front;
        else ``"http"``."""

    @property
    def tls(self) -> Any:
        """The `reactor.net.tls_info.TlsInfo` of the connection: version, cipher, and the client's
        certificate, if it had one that was verified. None: the connection is plain."""

    @property
    def expect(self) -> str | None:
        """The Expect field; a server that does not know it may answer 417."""

    @property
    def expect_continue(self) -> bool:
        """Whether the client waits for 100 before it sends the body (only HTTP/1.1)."""

    @property
    def client(self) -> Any:
        """The address of the sender; the owner of the connection sets this."""

    @client.setter
    def client(self, client: Any) -> None: ...

@type_check_only
class _File(Protocol):
    """What is asked of a file that is sent; ``io.FileIO`` has it."""

    def fileno(self) -> int: ...
    def tell(self) -> int: ...
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...

_Body: TypeAlias = bytes | str | _File | Iterable[bytes] | AsyncIterable[bytes]

@final
class Response(Message):
    """A response: what an application returns, and what a client gets.

    Args:
        status: 100 to 999.
        headers: a Headers, a Mapping, or pairs.
        body: bytes, str (sent as UTF-8), a binary file, or an iterable of bytes; of a handler that
            waits, an async iterable too.
        reason: the reason phrase; the registered one by default.

    Raises:
        LocalProtocolError: a status, reason or field that no peer may be sent.
        TypeError: a status that is no int.

    >>> r = Response(404, {"Content-Type": "text/plain"}, "no such page")
    >>> r.status, r.reason, r.body
    (404, 'Not Found', b'no such page')
    """

    def __init__(
        self,
        status: int = 200,
        headers: _Fields = (),
        body: _Body = b"",
        reason: _Text | None = None,
    ) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def with_body(self, body: _Body) -> Response:
        """The same response with this body, e.g. what was collected from its parts; complete.

        >>> Response(200, {"ETag": "x"}).with_body(b"hi").body
        b'hi'
        """

    @property
    def status(self) -> int:
        """The status code: 100 to 999."""

    @property
    def reason(self) -> str:
        """The reason phrase; ``""`` if none was sent."""
