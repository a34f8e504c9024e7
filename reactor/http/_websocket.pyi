from typing import Any

from typing_extensions import Buffer, disjoint_base

from reactor.http._websocket_sending import WebSocketContext, WebSocketSender

CLOSE_CODES: frozenset[int]

@disjoint_base
class WebSocket:
    """One WebSocket: subclass it, and return ``request.websocket(YourClass)`` from a handler.

    One object is for one connection. All calls are made in the thread of the loop, and all its own
    methods are called there; other threads use `Reactor.call_soon_threadsafe`. What a method raises
    is logged once, and closes by 1011.

    ``reads_while_full``: whether messages come while the peer takes nothing of what is sent to it.
    If not, a peer that floods an echo is held up by what it does not read itself. A client always
    reads.
    """

    reads_while_full: bool
    def __init__(self) -> None: ...
    def on_open(self, request: Any) -> object:
        """It is open; ``request`` is what asked for it (of a client: the server's answer)."""

    def on_message(self, data: Any) -> object:
        """A whole message: a str if it is text, else bytes."""

    def on_room(self) -> object:
        """There is `room` again: less than the low-water mark is unsent."""

    def on_drain(self) -> object:
        """The server stops. By default: `close` with 1012, so that the peer comes again."""

    def on_close(self, code: int, reason: str) -> object:
        """It is closed; the last call, and made once.

        ``code`` is the peer's: 1005 if its Close had none, 1006 if the connection was lost; or what
        this end closed with, if that was first.
        """

    def send(self, data: str | Buffer) -> None:
        """Send a message: a str as text, anything with bytes as binary. It never waits.

        What is sent while it is `closed` is dropped. A peer that takes nothing while over
        ``limits.websocket_unsent_bytes_max`` are unsent is dropped: see `room`.

        Raises:
            RuntimeError: it is not open yet.
            TypeError: that is neither text nor bytes.
            UnicodeEncodeError: a text with lone surrogates.
        """

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a Close; `on_close` follows when the peer has answered, or its time is over.

        A reason is cut, at a character, to 123 bytes. Idempotent.

        Raises:
            ValueError: a code that must not be sent, as 1006.
        """

    def abort(self) -> None:
        """End the connection now, by a reset; `on_close` says 1006."""

    def pause_reading(self) -> None:
        """No message comes from now on; at most one read of them is kept here."""

    def resume_reading(self) -> None:
        """Messages come again, from a later callback of the loop on."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent: after `close`, after the peer's Close, or it is lost."""

    @property
    def room(self) -> bool:
        """Whether the peer takes more; else wait for `on_room`."""

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""

    @property
    def subprotocol(self) -> str | None:
        """What was agreed on."""

    @property
    def client(self) -> Any:
        """The address of the client: of the peer, or what a trusted proxy says."""

    def extra_info(self, name: str, default: Any = None) -> Any:
        """A fact of the connection: as `Transport.get_extra_info`."""

@disjoint_base
class WebSocketMachine(WebSocketSender):
    """The protocol of an opened WebSocket's connection; driven by whatever transport it is given.

    Args:
        request: what `WebSocket.on_open` gets.
        inflater, deflater: of permessage-deflate, if that was agreed on.
    """

    def __init__(
        self,
        context: WebSocketContext,
        socket: WebSocket,
        request: Any = None,
        subprotocol: str | None = None,
        inflater: Any = None,
        deflater: Any = None,
    ) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: Any) -> None: ...
    def finish(self) -> None:
        """Graceful stop."""
