"""One request and its answer, apart from the connection that carries them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from typing_extensions import disjoint_base

from reactor.parser._headers import Headers
from reactor.parser._message import Request, Response

_Fields = Headers | Mapping[Any, Any] | Iterable[tuple[str, str]]

__pyx_capi__: dict[str, Any]

@disjoint_base
class Exchange:
    """What `Request.exchange` gives: the application answers later, by this.

    An application that returns its exchange instead of a `Response` has not answered yet. All
    calls are made in the thread of the loop. After the end every call raises RuntimeError, and
    ConnectionResetError if the client has gone.

    Attributes:
        request: what is answered.
        disconnected: the client sends nothing more. One that has only ended its side still reads.
        on_room, on_disconnect, on_drain: called, without an argument, when there is room again;
            when the client has ended its side, or is lost; when the server begins to stop.
    """

    on_room: Callable[[], object] | None
    on_disconnect: Callable[[], object] | None
    on_drain: Callable[[], object] | None

    @property
    def request(self) -> Request: ...
    @property
    def disconnected(self) -> bool: ...
    @property
    def over(self) -> bool:
        """Whether there is nothing left to answer."""

    @property
    def draining(self) -> bool:
        """Whether the server stops (docs/stop.md)."""

    def respond(self, response: Response) -> None:
        """The whole answer. What is wrong with it is logged, and answered with a 500."""

    def begin(self, response: Response, data: bytes = b"") -> None:
        """Send the head of an answer, and with it ``data``, the first of its body; the rest is what
        `send` sends. The response's own body is ignored.

        Raises:
            LocalProtocolError: the response cannot be sent; nothing of it was.
            ValueError: ``data`` is more than the Content-Length; nothing was sent.
        """

    def send(self, data: bytes) -> None:
        """More of the body. Never blocks; while there is no `room`, wait for ``on_room``.

        A status or a HEAD that has no body drops it.

        Raises:
            ValueError: it is more than the Content-Length.
        """

    @property
    def room(self) -> bool:
        """Whether the client takes more: false above `Limits.write_high_water_bytes`."""

    @property
    def unsent(self) -> int:
        """Bytes that are kept, since the client does not take them yet."""

    def flush(self) -> None:
        """Give the kernel all that it takes now, and not at the end of the turn."""

    def end(self, trailers: _Fields = ()) -> None:
        """The body is whole. ``trailers`` follow it if it is chunked.

        Raises:
            ValueError: it is less than the Content-Length; the connection is ended.
        """

    def interim(self, status: int, headers: _Fields = ()) -> None:
        """Send an interim response, such as 103; nothing to an HTTP/1.0 client.

        Raises:
            LocalProtocolError: the status is no interim one, or the answer has begun.
        """

    def fail(self, exception: BaseException) -> None:
        """The application's fault: a 500 if nothing was sent, else the end of the connection."""

    def handshake(self) -> Any:
        """A `reactor.http.websocket.Handshake`, or the `Response` that says why this request opens
        no WebSocket."""

    def websocket(
        self, handler: Any, subprotocols: Iterable[str] = (), headers: _Fields = ()
    ) -> Any:
        """See `Request.websocket`."""

    def upgrade(self, protocol: Any, headers: _Fields = (), name: str | None = None) -> None:
        """Answer 101 with the name in the request's Upgrade, or the one of several that ``name``
        says, and hand the connection over.

        ``protocol`` gets connection_made, and what came behind the request by data_received.

        Raises:
            LocalProtocolError: the request asks for no upgrade, or the answer has begun.
        """

    def read_body(self, on_body: Callable[[bytes, bool], object]) -> None:
        """Have the request's body: ``on_body(data, last)`` for each piece as it comes.

        Only where the app streams bodies (`App.streams_bodies`); a client that waits for it is
        told to continue now.
        """

    def pause_body(self) -> None:
        """No more of it until `resume_body`: the client is not read."""

    def resume_body(self) -> None: ...

    # What the machine tells it; an application calls none of these.
    def wants_body(self) -> bool: ...
    def body_received(self, data: bytes, last: bool) -> None: ...
    def has_room(self) -> None: ...
    def peer_disconnected(self, lost: bool) -> None: ...
    def drained(self) -> None: ...
    def is_over(self) -> None: ...
